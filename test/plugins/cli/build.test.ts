// `quater build`: later starts load what it made, and never something old.

import { cpSync, existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freshBuild } from "../../../core/boot/built.ts";
import { builtFixture, start } from "./kit.ts";

const project = () => {
  const { folder: root, remove } = builtFixture("typescript");
  return { root, file: join(root, "quater.config.ts"), [Symbol.dispose]: remove };
};

test("quater run loads the build of a project until one of the source files changes", async () => {
  using made = project();
  const { root, file } = made;
  expect(freshBuild(file)).toBeUndefined();
  expect((await start(["build"], { cwd: root }).ended).err).toMatch(/^Built \d+ files into \.quater\/build\/manifest\.mjs/);
  const built = freshBuild(file);
  expect(built).toBe(join(root, ".quater/build/manifest.mjs"));
  expect(statSync(built ?? "").mode & 0o077).toBe(0);

  expect((await start(["run", "hello", "--name", "Ana"], { cwd: root }).ended).out).toBe('{"text":"Hello Ana"}\n');
  writeFileSync(built ?? "", "export default 1;"); // the build is what is loaded
  expect((await start(["run", "hello"], { cwd: root }).ended).err).toContain("default export of this file is not a manifest");

  writeFileSync(join(root, "tsconfig.json"), "{}");
  expect(freshBuild(file)).toBeUndefined();
  expect((await start(["run", "hello", "--name", "Ana"], { cwd: root }).ended).out).toBe('{"text":"Hello Ana"}\n');
});

test("H14: the OpenAPI document groups routes by module, and is the same before and after quater build", async () => {
  using made = project();
  const { root, file } = made;
  cpSync(join(root, "hello.ts"), join(root, "order-items.ts"));
  writeFileSync(
    file,
    `import { defineConfig, expose } from "quater";
import { http, localUser } from "quater/plugins";
export default defineConfig({
  name: "typescript",
  handlers: [expose(() => import("./order-items.ts"), { hello: { http: "GET /hello" } })],
  plugins: [http({ port: 0, authenticate: localUser() })],
});
`,
  );
  const written = await start(["openapi"], { cwd: root }).ended;
  expect(written.err).toBe("");
  expect(JSON.parse(written.out)).toMatchObject({ paths: { "/hello": { get: { tags: ["order items"] } } } });
  expect((await start(["build"], { cwd: root }).ended).code).toBe(0);
  expect(freshBuild(file)).toBeDefined();
  expect((await start(["openapi"], { cwd: root }).ended).out).toBe(written.out);
});

test("a build of a project stays valid after a copy or a new modification time, but not after an edit with the same size and time", async () => {
  using made = project();
  const { root, file } = made;
  expect((await start(["build"], { cwd: root }).ended).code).toBe(0);
  utimesSync(file, new Date(), new Date());
  expect(freshBuild(file)).toBeDefined();
  const handler = join(root, "hello.ts");
  const { atime, mtime } = statSync(handler);
  writeFileSync(handler, readFileSync(handler, "utf8").replace("Hello", "Adieu"));
  utimesSync(handler, atime, mtime);
  expect(freshBuild(file)).toBeUndefined();
  expect((await start(["run", "hello", "--name", "Ana"], { cwd: root }).ended).out).toBe('{"text":"Adieu Ana"}\n');
});

test("the quater program does not load a build that was made from another manifest", async () => {
  using made = project();
  mkdirSync(join(made.root, ".quater/build"), { recursive: true });
  const record = { format: 2, manifest: "quater.config.ts", output: "manifest.mjs", inputs: [], absent: [] };
  const plant = (content: object) => writeFileSync(join(made.root, ".quater/build/build.json"), JSON.stringify(content));
  plant(record);
  expect(freshBuild(made.file)).toBeUndefined();
  plant({ ...record, inputs: undefined });
  expect(freshBuild(made.file)).toBeUndefined();
  expect((await start(["build"], { cwd: made.root }).ended).code).toBe(0);
  const real = JSON.parse(readFileSync(join(made.root, ".quater/build/build.json"), "utf8")) as object;
  plant({ ...real, output: "../../elsewhere.mjs" });
  expect(freshBuild(made.file)).toBeUndefined();
});

test("quater build refuses a project that does not boot", async () => {
  using made = project();
  writeFileSync(made.file, "export default 1;");
  expect(await start(["build"], { cwd: made.root }).ended).toMatchObject({ code: 78 });
  expect(existsSync(join(made.root, ".quater/build"))).toBe(false);
});
