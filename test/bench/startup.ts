// Cold start of `quater run` in a project like the one that `quater init` writes, and in the shop with its database, store
// and trail, against the least that their parts cost: tsx printing a line, and node doing nothing. Commands take turns, so
// that a slow moment hits all.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./http.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const programOf = (checkout: string): string => join(checkout, "dist/plugins/cli/main.js");
const program = programOf(repository);

const handlerText = `import { authenticated, handler, Type } from "quater";
export const hello = handler({
  description: "Says hello.",
  effect: "read",
  input: Type.Object({ name: Type.String({ default: "world" }) }),
  output: Type.Object({ text: Type.String() }),
  auth: authenticated,
  handle: ({ name }) => ({ text: \`Hello \${name}\` }),
});
`;
const configText = `import { defineConfig, expose } from "quater";
import { apiKeys, cli, http, localUser, mcp } from "quater/plugins";
export default defineConfig({
  name: "hello",
  handlers: [expose(() => import("./hello.ts"), { hello: { http: "GET /hello", mcp: true, cli: true } })],
  plugins: [http({ authenticate: apiKeys() }), mcp({ authenticate: apiKeys() }), cli({ authenticate: localUser() })],
});
`;

/** A folder with Quater installed, as it is built. */
const project = (name: string, checkout = repository): string => {
  const root = mkdtempSync(join(tmpdir(), "quater-bench-"));
  writeFileSync(join(root, "package.json"), JSON.stringify({ name, type: "module", private: true }));
  mkdirSync(join(root, "node_modules"));
  symlinkSync(checkout, join(root, "node_modules/quater"), "dir");
  return root;
};

const helloProject = (checkout = repository): string => {
  const root = project("hello", checkout);
  writeFileSync(join(root, "hello.ts"), handlerText);
  writeFileSync(join(root, "quater.config.ts"), configText);
  writeFileSync(join(root, "say.ts"), 'const text: string = "hello\\n";\nprocess.stdout.write(text);\n');
  return root;
};

const shopProject = (): string => {
  const root = project("shop");
  for (const name of ["app", "quater.config.ts"]) cpSync(join(repository, name), join(root, name), { recursive: true });
  symlinkSync(join(repository, "node_modules/libsql"), join(root, "node_modules/libsql"), "dir"); // the shop's own database
  return root;
};

const wallMs = (cwd: string, args: readonly string[], expected: string): number => {
  const begin = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  const took = performance.now() - begin;
  if (status !== 0 || !stdout.includes(expected)) throw new Error(`${args.join(" ")} failed: ${stderr}`);
  return took;
};

/** Starts of one checkout, each in milliseconds: from TypeScript, and after `quater build`. */
export const coldStartsOf = (checkout: string) => {
  const [typescript, built] = [helloProject(checkout), helloProject(checkout)];
  wallMs(built, [programOf(checkout), "build"], "");
  const startIn = (root: string) => () => wallMs(root, [programOf(checkout), "run", "hello", "--name", "Ana"], "Hello Ana");
  return {
    typescript: startIn(typescript),
    built: startIn(built),
    remove: () => {
      for (const root of [typescript, built]) rmSync(root, { recursive: true, force: true });
    },
  };
};

export const startUpRatios = async (runs: number, say: (line: string) => void): Promise<Record<string, number>> => {
  const [typescript, built, shop, builtShop] = [helloProject(), helloProject(), shopProject(), shopProject()];
  for (const root of [built, builtShop]) wallMs(root, [program, "build"], "");
  const tsx = join(repository, "node_modules/tsx/dist/loader.mjs");
  const commands = {
    node: () => wallMs(built, ["-e", "0"], ""),
    "tsx hello": () => wallMs(typescript, ["--import", tsx, "say.ts"], "hello"),
    "quater run, TypeScript": () => wallMs(typescript, [program, "run", "hello", "--name", "Ana"], "Hello Ana"),
    "quater run, built": () => wallMs(built, [program, "run", "hello", "--name", "Ana"], "Hello Ana"),
    "the shop, TypeScript": () => wallMs(shop, [program, "run", "getOrder", "--orderId", "ord_1001"], "ord_1001"),
    "the shop, built": () => wallMs(builtShop, [program, "run", "getOrder", "--orderId", "ord_1001"], "ord_1001"),
  };
  const seen = new Map<string, number[]>(Object.keys(commands).map((name) => [name, []]));
  try {
    for (const time of Object.values(commands)) time(); // the disk's and the loaders' caches
    for (let run = 0; run < runs; run++) for (const [name, time] of Object.entries(commands)) seen.get(name)?.push(time());
  } finally {
    for (const root of [typescript, built, shop, builtShop]) rmSync(root, { recursive: true, force: true });
  }
  const middle = (name: keyof typeof commands) => median(seen.get(name) ?? []);
  for (const name of Object.keys(commands))
    say(
      `  ${name.padEnd(24)} ${middle(name as "node")
        .toFixed(0)
        .padStart(5)} ms`,
    );
  return {
    "cli.ts.vsTsxHello": middle("quater run, TypeScript") / middle("tsx hello"),
    "cli.js.vsNode": middle("quater run, built") / middle("node"),
    "cli.shop.vsTsxHello": middle("the shop, TypeScript") / middle("tsx hello"),
  };
};
