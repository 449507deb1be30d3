// What 300 handlers cost the compiler, as numbers of type instantiations. With one checker these are the same in every run, so the
// ratios are limits of a test, too. Each number is that of a project minus that of the same project without handlers.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** As many as one module has. */
const perModule = 10;

const schemas = (n: number): string => `
const Input${n} = Type.Object({
  id: Type.String(),
  title: Type.Optional(Type.String({ maxLength: 100 })),
  count${n}: Type.Integer({ minimum: 1 }),
  address: Type.Object({ street: Type.String(), zip: Type.String() }),
  target: Type.Union([Type.Object({ userId: Type.String() }), Type.Object({ groupId${n}: Type.String() })]),
});
const Output${n} = Type.Object({
  id: Type.String(),
  state: Type.Enum(["open", "done"]),
  owner: Type.Object({ name: Type.String(), cents${n}: Type.Integer() }),
});`;

const body = (n: number): string =>
  `({ id, count${n}, address, target }) => ({
    id,
    state: "userId" in target ? "open" : "done",
    owner: { name: address.street, cents${n}: count${n} },
  })`;

const bare = (n: number): string => `${schemas(n)}
export const handle${n}: (input: Static<typeof Input${n}>) => Static<typeof Output${n}> = ${body(n)};`;

const handled = (n: number): string => `${schemas(n)}
export const handle${n} = handler({
  description: "Handles.",
  effect: "write",
  input: Input${n},
  output: Output${n},
  auth: can("x"),
  handle: ${body(n)},
});`;

const input = (n: number): string => `{ id: "${n}", count${n}: 1, address: { street: "", zip: "" }, target: { userId: "" } }`;
const reading = (n: number, value: string): string => `use(${value}.id, ${value}.state, ${value}.owner.cents${n});`;

type Files = Readonly<Record<string, string>>;

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
const modules = (count: number, head: string, part: (n: number) => string): Files =>
  Object.fromEntries(
    numbers(Math.max(1, Math.ceil(count / perModule))).map((index) => [
      `m${index}.ts`,
      [
        head,
        ...numbers(count)
          .slice(index * perModule, (index + 1) * perModule)
          .map(part),
        "export {};",
      ].join("\n"),
    ]),
  );
const importing = (count: number): string =>
  numbers(Math.ceil(count / perModule))
    .map((index) => `import * as m${index} from "./m${index}.ts";`)
    .join("\n");
const moduleOf = (n: number): string => `m${Math.floor(n / perModule)}`;

const used = "declare const use: (...values: readonly unknown[]) => void;";

const bareFiles = (count: number): Files => modules(count, 'import { type Static, Type } from "quater";', bare);

const bareReading = (count: number): Files => ({
  ...bareFiles(count),
  "read.ts": [
    importing(count),
    used,
    ...numbers(count).map((n) => {
      const call = `${moduleOf(n)}.handle${n}(${input(n)})`;
      return `{ const value = ${call}; ${reading(n, "value")} const tested = ${call}; ${reading(n, "tested")} }`;
    }),
    "export {};",
  ].join("\n"),
});

const handlerFiles = (count: number): Files => ({
  ...modules(count, 'import { can, handler, Type } from "quater";', handled),
  "quater.config.ts": [
    'import { defineConfig, expose } from "quater";',
    'import { cli, http, mcp } from "quater/plugins";',
    'export default defineConfig({ name: "many", plugins: [http(), mcp(), cli()], handlers: [',
    ...numbers(Math.ceil(count / perModule)).map((index) => {
      const own = numbers(count).slice(index * perModule, (index + 1) * perModule);
      const table = own.map((n) => `handle${n}: { http: "POST /r${n}/:id", mcp: true, cli: true }`).join(", ");
      return `expose(() => import("./m${index}.ts"), { ${table} }),`;
    }),
    "] });",
  ].join("\n"),
});

const handlerCalling = (count: number): Files => ({
  ...handlerFiles(count),
  "read.ts": [
    'import { createClient } from "quater/client";',
    'import { bootTest, expectOk, principal } from "quater/testing";',
    'import manifest from "./quater.config.ts";',
    used,
    'const client = createClient<typeof manifest>({ baseUrl: "" });',
    "const app = await bootTest(manifest);",
    "const ana = app.as(principal());",
    ...numbers(count).map(
      (n) => `{
  const result = await client("POST /r${n}/:id", ${input(n)});
  if (result.ok) { const { value } = result; ${reading(n, "value")} }
  const tested = await expectOk(ana.call("handle${n}", ${input(n)}));
  ${reading(n, "tested")}
}`,
    ),
    "export {};",
  ].join("\n"),
});

const settings = {
  extends: join(repository, "tsconfig.json"),
  compilerOptions: {
    typeRoots: [join(repository, "node_modules/@types")],
    paths: {
      quater: [join(repository, "core/index.ts")],
      "quater/testing": [join(repository, "plugins/testing.ts")],
      "quater/client": [join(repository, "plugins/http/client/index.ts")],
      "quater/plugins": [join(repository, "plugins/index.ts")],
    },
  },
  include: ["*.ts"],
};

/** @throws {Error} with what the compiler says, when the files do not compile. */
const instantiations = async (files: Files): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), "quater-types-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const args = [join(repository, "node_modules/typescript/bin/tsc"), "-p", folder, "--singleThreaded", "--extendedDiagnostics"];
    const out = await new Promise<string>((resolve, reject) =>
      execFile(process.execPath, args, (error, said) => (error === null ? resolve(said) : reject(new Error(said)))),
    );
    return Number(/^Instantiations:\s+(\d+)$/m.exec(out)?.[1]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const costOf = async (files: (count: number) => Files, count: number): Promise<number> =>
  (await instantiations(files(count))) - (await instantiations(files(0)));

/** The ratios of `count` handlers on three surfaces, with a manifest, to what they stand on. */
export const typeRatios = async (count: number, say: (line: string) => void = () => {}): Promise<Record<string, number>> => {
  const cost = async (name: string, files: (count: number) => Files): Promise<number> => {
    const found = await costOf(files, count);
    say(`  ${name.padEnd(40)} ${found.toLocaleString("en").padStart(12)} instantiations`);
    return found;
  };
  const schemasAlone = await cost("schemas with Static", bareFiles);
  const handlers = await cost("handlers and a manifest", handlerFiles);
  const read = await cost("schemas with Static, and a call of each", bareReading);
  const called = await cost("handlers, a client call and a test call", handlerCalling);
  return { [`types.${count}.vsTypeBox`]: handlers / schemasAlone, [`types.${count}.client.vsBare`]: called / read };
};
