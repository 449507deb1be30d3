// `quater init` in a folder with things in it: what stays, what is added, and what is left to do by hand.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, lstatSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { emptyFolder } from "./init-folder.ts";
import { quater } from "./kit.ts";

const { inside, init, read, put, files, json } = emptyFolder();

/** Runs a script of the project's package.json. */
const outputOf = (script: string): string => {
  const bin = fileURLToPath(new URL("../../../node_modules/.bin", import.meta.url));
  const env = { PATH: `${bin}:${process.env["PATH"]}` };
  const line = json("package.json")["scripts"]?.[script] ?? "";
  const { stdout, stderr } = spawnSync(line, { cwd: inside(), shell: true, env, encoding: "utf8" });
  return stdout + stderr;
};

describe("quater init in a folder that already contains files", () => {
  test("quater init in a folder with files changes no file, and lists the written and the kept files", async () => {
    const before = { "README.md": "# Mine\n", "tsconfig.json": "{}", "src/a.js": "1" };
    for (const [path, text] of Object.entries(before)) put(path, text);
    const { out } = await init("-y");
    for (const [path, text] of Object.entries(before)) expect(read(path)).toBe(text);
    expect(out).toMatch(/wrote {2}app\/hello\.ts\n.*wrote {2}test\/hello\.test\.ts\n/);
    expect(out).toMatch(/kept {3}tsconfig\.json\n.*kept {3}README\.md\n/);
  });

  test("quater init adds missing entries to the end of package.json and .gitignore", async () => {
    const old = {
      name: "mine",
      type: "module",
      scripts: { test: "mine" },
      dependencies: { quater: "file:../q.tgz", koa: "3" },
      devDependencies: { typescript: "6" },
    };
    put("package.json", `${JSON.stringify(old, null, "\t")}\n`);
    put(".gitignore", "/node_modules\n*.log");
    const { out } = await init("-y");
    expect(json("package.json")).toMatchObject({
      ...old,
      scripts: { test: "mine", dev: "quater dev" },
      devDependencies: { typescript: "6", tsx: expect.any(String) },
    });
    expect(read("package.json")).toContain('\t"name": "mine",\n');
    expect(json("package.json")["engines"]).toBeUndefined();
    expect(read(".gitignore")).toBe("/node_modules\n*.log\n.quater/\n.env\n");
    expect(out).toMatch(/added {2}\.gitignore: \.quater\/, \.env\n/);
    expect(out).toMatch(/added {2}package\.json: scripts\.dev, scripts\.start, /);
    expect(read("quater.config.ts")).toContain('name: "mine"');
  });

  test("quater init completes a package.json that has only dependencies", async () => {
    put("package.json", '{"dependencies":{"quater":"file:q.tgz"}}');
    await init("-y --name shop");
    expect(json("package.json")).toMatchObject({ name: "shop", type: "module", dependencies: { quater: "file:q.tgz" } });
  });

  test.each([
    ["commonjs", '"type":"commonjs",', 'change "type": "commonjs" to "type": "module"'],
    ["nothing of modules", "", 'add "type": "module"'],
  ])(
    "quater init in a project with %s prints the necessary change of package.json, but does not make this change",
    async (_, type, change) => {
      put("package.json", `{"name":"old",${type}"main":"index.js"}`);
      const { out } = await init("-y");
      expect(json("package.json")["type"]).toBe(type === "" ? undefined : "commonjs");
      expect(out).toContain(
        `\nBefore you start\n  In package.json, ${change}, because Quater needs ES modules. Rename .js files that use require() to .cjs`,
      );
      expect(out).toMatch(/\nBefore you start\n.*\n\nThen start it\n/);
    },
  );

  test("quater init replaces the failing test script that npm init wrote, and prints this change", async () => {
    const scripts = { build: "mine", test: 'echo "Error: no test specified" && exit 1' };
    put("package.json", JSON.stringify({ name: "mine", type: "module", scripts }));
    const { out } = await init("-y");
    expect(json("package.json")["scripts"]).toMatchObject({ build: "mine", test: "node --import tsx --test test/*.test.ts" });
    expect(out).toContain("scripts.test (in place of npm's placeholder)");
    expect((await init("-y")).out).toContain("kept  package.json\n");
  });

  test("quater check in a folder with its own tsconfig.json writes no JavaScript beside the sources", async () => {
    put("tsconfig.json", '{ "compilerOptions": { "noEmit": false } }');
    await init("-y");
    const before = files(".");
    expect(outputOf("check")).toContain("app/hello.ts");
    expect(files(".")).toEqual(before);
  });

  test("the scripts lint and check of a new project read every source folder, but no key file and no build", async () => {
    await init("-y");
    symlinkSync(fileURLToPath(new URL("../../../node_modules", import.meta.url)), inside("node_modules"));
    for (const folder of ["app", "auth", "plugins"]) put(`${folder}/faulty.ts`, 'export const n: number = "";\ndebugger;\n');
    put(".quater/build/manifest.mjs", "debugger;\n");
    put(".quater/keys.json", '{ "keys": [], "keys": [] }');
    const filesIn = (text: string, form: RegExp) => [...text.matchAll(form)].map(([, file]) => file).sort();
    const faulty = ["app/faulty.ts", "auth/faulty.ts", "plugins/faulty.ts"];
    expect(filesIn(outputOf("lint"), /^(\S+?):\d.* lint\//gm)).toEqual(faulty);
    expect(filesIn(outputOf("check"), /^(\S+)\(\d+,\d+\): error TS2322/gm)).toEqual(faulty);
  });

  test.each([
    ["npm", "npm run", "npx"],
    ["pnpm", "pnpm run", "pnpm exec"],
    ["yarn", "yarn run", "yarn run"],
    ["bun", "bun run", "bunx"],
  ])(
    "quater init in a project with scripts prints commands that work with the package manager %s",
    async (manager, run, exec) => {
      const scripts = { dev: "vite", start: "node server.js", test: "vitest", lint: "eslint ." };
      put("package.json", JSON.stringify({ name: "mine", type: "module", scripts }));
      const { out } = await init(`-y --pm ${manager}`);
      expect(json("package.json")["scripts"]).toEqual({ ...scripts, check: "tsc --noEmit" });
      expect(out).toMatch(new RegExp(`Start it\n  .* install\n  ${exec} quater dev\n`));
      const named = [...read("README.md").matchAll(/`([^`]+)`(?=,| \|)/g)].map(([, command]) => command);
      for (const command of [
        `${exec} quater dev`,
        `${exec} quater serve`,
        "node --import tsx --test test/*.test.ts",
        `${run} check`,
        `${exec} biome lint --error-on-warnings --vcs-enabled=true --vcs-client-kind=git --vcs-use-ignore-file=true`,
      ])
        expect(named).toContain(command);
      for (const script of Object.keys(scripts)) expect(named).not.toContain(`${run} ${script}`);
    },
  );

  test("quater init recognises a dev script that runs quater dev with flags", async () => {
    put("package.json", '{"name":"mine","type":"module","scripts":{"dev":"quater dev --no-watch"}}');
    expect((await init("-y")).out).toContain("  npm run dev\n");
    expect(read("README.md")).toContain("| `npm run dev` |");
  });

  test("quater init in a folder with a manifest writes no example", async () => {
    put("quater.config.js", "export default {};\n");
    const { out } = await init("-y");
    expect(["app", "test", "quater.config.ts", "README.md"].filter((path) => existsSync(inside(path)))).toEqual([]);
    expect(out).toContain("kept   quater.config.js: already exists, so no example was written\n");
    expect(out).not.toMatch(/curl|Before you start/);
  });

  test.each([
    ["app/hello.ts", "app/hello.ts"],
    ["test/hello.test.ts", "test/hello.test.ts"],
    ["app/hello.ts/index.ts", "app/hello.ts"],
    ["app", "app"],
    ["test", "test"],
  ])(
    "quater init in a folder with another file at %s does not write the example, and prints how to get the example",
    async (path, obstacle) => {
      put(path, "mine\n");
      const { code, out } = await init("-y");
      expect([code, read(path)]).toEqual([0, "mine\n"]);
      expect(out).toContain(`kept   ${obstacle}: already exists, so no example was written\n`);
      const todo = `Write quater.config.ts, or move ${obstacle} to another place and run quater init again to get the example`;
      expect(out).toContain(`\nBefore you start\n  ${todo}\n\nThen start it\n`);
      expect(files(".").filter((name) => /^(app|test|README|quater\.config)/.test(name))).toEqual([path]);
      const before = files(".").map((name) => [name, read(name)]);
      expect((await init("-y")).out).toContain(todo);
      expect(files(".").map((name) => [name, read(name)])).toEqual(before);
      rmSync(inside(obstacle), { recursive: true });
      expect((await init("-y")).out).toMatch(/wrote {2}app\/hello\.ts\n(.*\n)* {2}wrote {2}quater\.config\.ts\n/);
    },
  );

  test("quater init completes an example whose existing files are unchanged", async () => {
    await init("-y");
    for (const path of ["quater.config.ts", "test/hello.test.ts"]) rmSync(inside(path));
    const { out } = await init("-y");
    expect(out).toMatch(/kept {3}app\/hello\.ts\n {2}wrote {2}test\/hello\.test\.ts\n {2}wrote {2}quater\.config\.ts\n/);
    expect(out).not.toContain("Before you start");
  });

  test("a second quater init changes no file, not even the development key", async () => {
    await init("-y");
    const all = () => files(".").map((path) => [path, read(path), lstatSync(inside(path)).mtimeMs]);
    const before = all();
    expect((await init("-y")).out).not.toMatch(/wrote|added|Before you start/);
    expect(all()).toEqual(before);
  });

  test.each(["hello", "approvals"])("a second quater init lists the files of the example %s as kept", async (example) => {
    await init(`-y --example ${example}`);
    const { out } = await init(`-y --example ${example}`);
    const kept = files(".").filter((path) => /^(app|test|README|quater\.config)/.test(path));
    expect(kept).toHaveLength(4);
    for (const path of kept) expect(out).toContain(`kept  ${path}\n`);
    expect(out).not.toContain("no example was written");
    expect(out).toContain("Call it");
    put("app/more.ts", "mine\n"); // what is beside it changes nothing
    expect((await init(`-y --example ${example}`)).out).toBe(out);
  });

  test("quater init does nothing in a folder with the example's manifest and a changed handler", async () => {
    await init("-y");
    put("app/hello.ts", "mine\n");
    const { out } = await init("-y");
    expect(out).toContain("kept  quater.config.ts: already exists, so no example was written\n");
    expect([read("app/hello.ts"), out.includes("Before you start")]).toEqual(["mine\n", false]);
  });

  test("quater init reads neither the manifest nor the file .env of the folder", async () => {
    put("quater.config.mjs", 'throw new Error("run");\n');
    put(".env", "NODE_OPTIONS=--bad\n");
    chmodSync(inside(".env"), 0o666);
    for (const line of ["init -y", "--version", "--help", "init --help"])
      expect(await quater(line.split(" "), { cwd: inside() }), line).toMatchObject({ code: 0, err: "" });
  });
});
