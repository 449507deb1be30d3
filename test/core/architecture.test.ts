// What may import what, read from the import lines. docs/explanation/architecture.md says why.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const importsIn = (text: string): string[] => {
  // Only module text counts: an import in a comment or in a template for a user's project is no import.
  const code = text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, "").replace(/`(?:\\.|[^`\\])*`/gs, "``");
  const found = code.matchAll(
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm,
  );
  return [...found].map(([, from, bare, called]) => from ?? bare ?? called ?? "");
};

const sources = (folder: string): Source[] =>
  !existsSync(join(root, folder))
    ? []
    : readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => /\.m?tsx?$/.test(name) && !name.includes("node_modules"))
        .map((name) => {
          const text = readFileSync(join(root, folder, name), "utf8");
          return { path: join(folder, name), text, imports: importsIn(text) };
        });

const core = sources("core");
const plugins = sources("plugins");
const app = sources("app");

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
const isPackage = (specifier: string): boolean => !specifier.startsWith(".") && !specifier.startsWith("node:");
const target = (source: Source, specifier: string): string => relative(root, resolve(root, dirname(source.path), specifier));
/** `path -> import` for every import that is not allowed. */
const breaches = (from: readonly Source[], isAllowed: (specifier: string, source: Source) => boolean): string[] =>
  from.flatMap((source) =>
    source.imports.filter((specifier) => !isAllowed(specifier, source)).map((specifier) => `${source.path} -> ${specifier}`),
  );

test("the import checker of the tests finds every kind of import statement, and ignores comments and strings", () => {
  const text =
    'import a from "a";\nimport {\n  b,\n} from "b";\nimport "c";\nexport * from "d";\nconst e = await import("e");\nimport type { F } from "f";\n// import "g";\nconst text = `import "h";`;\n';
  expect(importsIn(text)).toEqual(["a", "b", "c", "d", "e", "f"]);
  expect(core.length).toBeGreaterThan(20);
  expect(core.find(({ path }) => path === "core/boot/kernel.ts")?.imports).toContain("../pipeline/gate.ts");
});

test("core imports only Node, TypeBox, canonicalize, cosmiconfig, tsx, file-type, mime, regexpp and re2js", () => {
  const allowed = new Set([
    "typebox",
    "canonicalize",
    "cosmiconfig",
    "tsx",
    "file-type",
    "mime",
    "@eslint-community/regexpp",
    "re2js",
  ]);
  expect(
    breaches(core, (specifier, source) =>
      isPackage(specifier)
        ? allowed.has(packageOf(specifier))
        : specifier.startsWith("node:") || target(source, specifier).startsWith("core/"),
    ),
  ).toEqual([]);
});

test("no file of core outside core/testing imports core/testing", () => {
  const kernel = core.filter(({ path }) => !path.startsWith("core/testing/"));
  expect(
    breaches(kernel, (specifier, source) => isPackage(specifier) || !target(source, specifier).startsWith("core/testing")),
  ).toEqual([]);
});

const layers = ["diagnostics", "schema", "model", "plugin", "pipeline", "boot", "testing"];
const layerOf = (path: string) => layers.indexOf(path.split("/")[1] ?? "");

test("every file of core is in a layer folder, except index.ts and plugin-api.ts", () => {
  const outside = core.filter(({ path }) => layerOf(path) < 0).map(({ path }) => path);
  expect(outside).toEqual(["core/index.ts", "core/plugin-api.ts"]);
});

test.each(layers)("core/%s imports only its own layer and earlier layers", (layer) => {
  const files = core.filter(({ path }) => path.startsWith(`core/${layer}/`));
  expect(files.length).toBeGreaterThan(0);
  const isAllowed = (specifier: string, source: Source) => {
    if (isPackage(specifier) || specifier.startsWith("node:")) return true;
    const imported = layerOf(target(source, specifier));
    return imported >= 0 && imported <= layerOf(source.path);
  };
  expect(breaches(files, isAllowed)).toEqual([]);
});

test("core, plugins and app have no import cycle, not even through type imports", () => {
  const files = new Map([...core, ...plugins, ...app].map((source) => [source.path, source]));
  const importedBy = (source: Source) =>
    source.imports.flatMap((specifier) => (specifier.startsWith(".") ? (files.get(target(source, specifier)) ?? []) : []));
  const finished = new Set<Source>();
  const cycles: string[] = [];
  const visit = (source: Source, path: readonly Source[]): void => {
    const start = path.indexOf(source);
    if (start >= 0) cycles.push([...path.slice(start), source].map((file) => file.path).join(" -> "));
    if (start >= 0 || finished.has(source)) return;
    for (const next of importedBy(source)) visit(next, [...path, source]);
    finished.add(source);
  };
  for (const source of files.values()) visit(source, []);
  expect(cycles).toEqual([]);
});

test("handlers of the sample app import only public entry points of Quater and packages of the sample app", () => {
  const allowed = new Set(["quater", "libsql"]);
  expect(
    breaches(app, (specifier, source) =>
      isPackage(specifier)
        ? allowed.has(packageOf(specifier))
        : specifier.startsWith("node:") || target(source, specifier).startsWith("app/"),
    ),
  ).toEqual([]);
});

test.each(["koa", "mcp", "http", "argv", "stdout"])("the word %s is not in core and app, except in string literals", (word) => {
  const bare = (text: string) => text.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""');
  const lines = [...core.filter(({ path }) => !path.startsWith("core/testing/")), ...app].flatMap(({ path, text }) =>
    bare(text)
      .split("\n")
      .flatMap((line, index) => (line.toLowerCase().includes(word) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
  expect(lines).toEqual([]);
});

describe("plugins import only allowed files", () => {
  /** Files of the two last layers that plugins import all the same: private files are read, and inputs bound, as core does it. */
  const besidesLayers = [
    "core/boot/key-file.ts",
    "core/boot/private-file.ts",
    "core/pipeline/answer-size.ts",
    "core/pipeline/bind.ts",
  ];
  /** The program boots the kernel. */
  const ofTheProgram = ["core/boot/built.ts", "core/boot/kernel.ts", "core/boot/load.ts"];
  const folderOf = (path: string) => path.split("/").slice(0, 2).join("/");

  test("plugins import only the two entry files and the first four layers of core, except to boot the kernel", () => {
    const isAllowed = (path: string, source: Source) =>
      ["core/index.ts", "core/plugin-api.ts", ...besidesLayers].includes(path) ||
      /^core\/(?:diagnostics|schema|model|plugin|testing)\//.test(path) ||
      (source.path.startsWith("plugins/cli/") && ofTheProgram.includes(path));
    expect(
      breaches(
        plugins,
        (specifier, source) =>
          isPackage(specifier) || !target(source, specifier).startsWith("core/") || isAllowed(target(source, specifier), source),
      ),
    ).toEqual([]);
  });

  /** What folders use of each other without a service. */
  const between = ["plugins/offered.ts", "plugins/parts.ts", "plugins/command-groups.ts"];

  test("a plugin folder imports another plugin folder only through service.ts, offered.ts, parts.ts and command-groups.ts", () => {
    const inFolders = plugins.filter(({ path }) => path.split("/").length > 2); // plugins/index.ts gathers them all
    const isAllowed = (specifier: string, source: Source) => {
      const path = isPackage(specifier) || specifier.startsWith("node:") ? "" : target(source, specifier);
      if (source.path === "plugins/cli/program/boot.ts" && path === "plugins/index.ts") return true; // read early, and not looked into
      if (between.includes(path)) return true;
      return !path.startsWith("plugins/") || folderOf(path) === folderOf(source.path) || path === `${folderOf(path)}/service.ts`;
    };
    expect(breaches(inFolders, isAllowed)).toEqual([]);
  });

  // .ci/delete-plugins.mjs runs this file without approval, too.
  test.runIf(existsSync(join(root, "plugins/approval")))(
    "the folders of plugins/approval import each other only through index.ts",
    () => {
      const inApproval = plugins.filter(({ path }) => path.startsWith("plugins/approval/"));
      /** `api` of `plugins/approval/api/document.ts`; empty for files that are not in a folder of approval. */
      const partOf = (path: string) => /^plugins\/approval\/([^/]+)\//.exec(path)?.[1] ?? "";
      const parts = new Set(inApproval.map(({ path }) => partOf(path)));
      expect([...parts].sort()).toEqual(["", "api", "commands", "notices", "page", "requests", "shown"]);
      const apart = ["api", "page"];
      const isAllowed = (specifier: string, source: Source) => {
        const path = isPackage(specifier) || specifier.startsWith("node:") ? "" : target(source, specifier);
        const [from, to] = [partOf(source.path), partOf(path)];
        if (to === "" || to === from) return true;
        return path === `plugins/approval/${to}/index.ts` && !(apart.includes(from) && apart.includes(to));
      };
      expect(breaches(inApproval, isAllowed)).toEqual([]);
    },
  );

  test.runIf(existsSync(join(root, "plugins/mcp")))("folders of plugins/mcp import only earlier folders of the list", () => {
    // answering and approval import each other: a refused call may ask for approval, and this question is an answer.
    const order = [["protocol"], ["portable"], ["offers"], ["authorization"], ["answering", "approval"], ["transport"], ["page"]];
    const inMcp = plugins.filter(({ path }) => path.startsWith("plugins/mcp/"));
    const partOf = (path: string) => /^plugins\/mcp\/([^/]+)\//.exec(path)?.[1] ?? "";
    const rankOf = (path: string) => order.findIndex((parts) => parts.includes(partOf(path)));
    const parts = new Set(inMcp.map(({ path }) => partOf(path)).filter((part) => part !== ""));
    expect([...parts].sort()).toEqual(order.flat().sort());
    const isAllowed = (specifier: string, source: Source) => {
      const path = isPackage(specifier) || specifier.startsWith("node:") ? "" : target(source, specifier);
      return partOf(source.path) === "" || partOf(path) === "" || rankOf(path) <= rankOf(source.path);
    };
    expect(breaches(inMcp, isAllowed)).toEqual([]);
  });

  test("core and plugins import nothing from app/ or test/", () => {
    expect(
      breaches(
        [...core, ...plugins],
        (specifier, source) => isPackage(specifier) || !/^(?:app|test)\//.test(target(source, specifier)),
      ),
    ).toEqual([]);
  });
});

test.each([
  "koa",
  "@koa/router",
  "@modelcontextprotocol/sdk",
  "@modelcontextprotocol/server",
  "clipanion",
  "pino",
  "canonicalize",
  "cosmiconfig",
  "typebox",
  "tsx",
  "@eslint-community/regexpp",
  "re2js",
  "jose",
  "pg",
  "jsonc-parser",
  "fast-string-truncated-width",
  "@decimalturn/toml-patch",
])("the package %s is imported in only one top-level folder or plugin", (name) => {
  const using = [...core, ...plugins, ...app].filter(({ imports, text }) =>
    imports.some((specifier) => packageOf(specifier) === name && hasValueImport(text, specifier)),
  );
  const folders = new Set(
    using.map(({ path }) => (path.startsWith("plugins/") ? path.split("/").slice(0, 2).join("/") : path.split("/")[0])),
  );
  expect([...folders].length, [...folders].join(", ")).toBeLessThanOrEqual(1);
});

/** A type alone costs nothing at run time: services may speak of another plugin's package. */
function hasValueImport(text: string, specifier: string): boolean {
  const quoted = specifier.replace(/[/.@]/g, "\\$&");
  return (
    !new RegExp(`^import type [^;]*from "${quoted}"`, "m").test(text) ||
    new RegExp(`^import (?!type )[^;]*from "${quoted}"|import\\("${quoted}"\\)`, "m").test(text)
  );
}

test.each([
  ["the WWW-Authenticate of a refusal", "insufficient_scope", "core/model/credentials.ts"],
  ["the form of an approval's id", "/^[\\w-]{1,100}$/", "core/plugin/gate.ts"],
  ["the names of loopback", '"[::1]"', "core/model/loopback.ts"],
  ["the guard of standard output", "process.stdout.write =", "plugins/cli/output/claimed.ts"],
  ["the reading of key files", "Array.isArray(content.keys)", "core/boot/key-file.ts"],
])("the code for %s is in only one source file", (_, text, path) => {
  const found = [...core, ...plugins, ...app].filter((source) => source.text.includes(text));
  expect(found.map((source) => source.path)).toEqual([path]);
});

// .ci/delete-plugins.mjs runs this file without approval, too.
test.runIf(existsSync(join(root, "plugins/approval")))("the pattern for ids of approval requests is in one file only", () => {
  const found = plugins.filter((source) => source.text.includes("apr_[a-z"));
  expect(found.map((source) => source.path)).toEqual(["plugins/approval/record.ts"]);
});

// .ci/delete-plugins.mjs runs this file without some of the plugins, too.
test.runIf(["http", "mcp", "cli"].every((name) => existsSync(join(root, "plugins", name))))(
  "architecture.md lists at most eight files for a call on each surface, and all of the files exist",
  () => {
    const page = readFileSync(join(root, "docs/explanation/architecture.md"), "utf8");
    const rows = [...page.matchAll(/^\| \d\. .*$/gm)].map(([row]) => row.split("|").slice(2, 5));
    const files = rows.map((cells) => cells.map((cell) => [...cell.matchAll(/`([^`]+\.ts)`/g)].map(([, file = ""]) => file)));
    expect(files.length).toBeGreaterThan(5);
    // An empty cell and "the same file" mean the file in the first column.
    for (const column of [0, 1, 2])
      expect(files.flatMap((cells) => (cells[column]?.length ? cells[column] : cells[0])).length).toBeLessThanOrEqual(8);
    expect(files.flat(2).filter((file) => !existsSync(join(root, file)))).toEqual([]);
  },
);

test("no source file of Quater has more than 350 lines, and core/pipeline/pipeline.ts has at most 125 lines", () => {
  const long = [...core, ...plugins, ...app].filter(({ text }) => text.split("\n").length > 351);
  expect(long.map(({ path }) => path)).toEqual([]);
  const pipeline = core.find(({ path }) => path === "core/pipeline/pipeline.ts")?.text.split("\n") ?? [];
  expect(pipeline.length).toBeGreaterThan(50);
  expect(pipeline.length).toBeLessThanOrEqual(125);
});

const tests = sources("test");

test("every test kit file has at most 150 lines", () => {
  const kits = tests.filter(({ path }) => /(?:kit|shop)\.ts$/.test(path));
  expect(kits.length).toBeGreaterThan(15);
  expect(kits.filter(({ text }) => text.split("\n").length > 151).map(({ path }) => path)).toEqual([]);
});

test("CONTRIBUTING.md lists every long test file", () => {
  const rows = readFileSync(join(root, "CONTRIBUTING.md"), "utf8").matchAll(/^\| `(test\/[^`]+)` \| (.*) \|$/gm);
  const listed = [...rows].flatMap(([, folder = "", names = ""]) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${folder}/${name}.long.test.ts`),
  );
  const long = tests.map(({ path }) => path).filter((path) => path.endsWith(".long.test.ts"));
  expect(long.length).toBeGreaterThan(15);
  expect(listed.sort()).toEqual(long.sort());
});
