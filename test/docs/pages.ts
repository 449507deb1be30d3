// The TypeScript examples of the guide, as files. A fence may have comments right above it, one per line:
//
//   <!-- file: app/greet.ts -->      its name in the page's folder, so that examples of a page import each other
//   <!-- call: greet {"id":"ana"} -->  above a quater.config.ts: a call that must succeed once the manifest has booted
//   <!-- run -->                     it is imported, and must not throw
//   <!-- error: TS2322 -->           the compiler must refuse it, with this and with nothing else
//   <!-- apart -->                   it needs packages of other frameworks: frameworks.long.test.ts compiles and runs it
//
// A file named *.test.ts is run as the tests it holds. A file that readers need not see stands inside its own comment:
// `<!-- file: app/orders.ts`, the fence, `-->`.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Example {
  readonly file: string;
  readonly code: string;
  /** Of the first line of code, in the page. */
  readonly line: number;
  readonly isRun: boolean;
  readonly error: string | undefined;
  readonly isApart: boolean;
}

export interface Page {
  /** `docs/guides/handlers.md`. */
  readonly name: string;
  /** Where its examples are written. */
  readonly folder: string;
  readonly examples: readonly Example[];
  readonly calls: readonly { readonly handler: string; readonly input: unknown }[];
}

const fence = /((?:^<!-- .*\n)*)^```(?:ts|typescript)\n([\s\S]*?)^```$/gm;

/**
 * Reads README.md and docs/ under `root`, and writes the examples under `target`, one folder per page.
 *
 * @param isAll  Whether to write examples that are marked as apart, too.
 */
export const writePages = (root: string, target: string, isAll = false): readonly Page[] => {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.map((name) => `docs/${name}`)].map((name) => {
    const read = pageOf(name, readFileSync(join(root, name), "utf8"), join(target, name.replaceAll(/\W/g, "-")));
    const page = { ...read, examples: read.examples.filter(({ isApart }) => isAll || !isApart) };
    for (const { file, code } of page.examples) {
      mkdirSync(dirname(join(page.folder, file)), { recursive: true });
      writeFileSync(join(page.folder, file), code);
    }
    return page;
  });
};

const pageOf = (name: string, text: string, folder: string): Page => {
  const examples: Example[] = [];
  const calls: Page["calls"][number][] = [];
  for (const { index, 0: whole, 1: marks = "", 2: code = "" } of text.matchAll(fence)) {
    const line = text.slice(0, index + whole.indexOf("```")).split("\n").length + 1;
    for (const [, word = ""] of marks.matchAll(/^<!-- (\w+)/gm))
      if (!["file", "call", "run", "error", "apart"].includes(word))
        throw new Error(`${name}:${line}: the mark "${word}" means nothing`);
    const mark = (word: string) => new RegExp(`^<!-- ${word}(?:: (.*?))?(?: -->)?$`, "m").exec(marks);
    const file = mark("file")?.[1] ?? `line-${line}.ts`;
    if (examples.some((example) => example.file === file)) throw new Error(`${name}:${line}: two examples are named ${file}`);
    examples.push({ file, code, line, isRun: mark("run") !== null, error: mark("error")?.[1], isApart: mark("apart") !== null });
    for (const [, handler = "", input = "{}"] of marks.matchAll(/<!-- call: (\S+) (.*) -->/g))
      calls.push({ handler, input: JSON.parse(input) as unknown });
  }
  if (text.match(/```(?:ts|typescript)\b/g)?.length !== (examples.length || undefined))
    throw new Error(`${name}: an example was not read; fences begin at the start of a line and say ts and nothing else`);
  return { name, folder, examples, calls };
};
