// `quater init`, in folders of its own: what it writes and says, and what it says of slips.

import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { nodeProblem } from "../../../plugins/cli/init/node-version.ts";
import { emptyFolder } from "./init-folder.ts";
import { quater } from "./kit.ts";

const { inside, init, read, put, files, json } = emptyFolder();

describe("quater init in an empty folder", () => {
  test("quater init in an empty folder writes seven files with a short handler and manifest", async () => {
    const { code, out, err } = await init("shop -y");
    expect([code, err]).toEqual([0, ""]);
    expect(files("shop").filter((name) => !name.startsWith(".quater/"))).toEqual([
      ".gitignore",
      "README.md",
      "app/hello.ts",
      "package.json",
      "quater.config.ts",
      "test/hello.test.ts",
      "tsconfig.json",
    ]);
    const lines = (path: string) => read(path).trimEnd().split("\n").length;
    expect(lines("shop/app/hello.ts")).toBeLessThanOrEqual(12);
    expect(lines("shop/quater.config.ts")).toBeLessThanOrEqual(20);
    expect(out).toMatch(/Start it\n {2}cd shop\n {2}npm install\n {2}npm run dev\n/);
  });

  test("quater init writes a development key that only its owner can read, in a folder that git ignores", async () => {
    await init("shop -y");
    const mode = (path: string) => statSync(inside("shop/.quater", path)).mode & 0o777;
    expect([mode("."), mode("development-key"), mode("keys.json")]).toEqual([0o700, 0o600, 0o600]);
    expect(read("shop/.gitignore").split("\n")).toContain(".quater/");
    expect(JSON.parse(read("shop/.quater/keys.json"))).toMatchObject({
      keys: [{ kind: "agent", scopes: ["hello"], isDevelopment: true }],
    });
  });

  test("quater init without a terminal asks no questions", async () => {
    const { code, out } = await init("");
    expect([code, existsSync(inside("quater.config.ts"))]).toEqual([0, true]);
    expect(out).toMatch(/Start it\n {2}npm install\n/);
  });

  test("quater init writes those package versions to package.json with which this version of Quater was tested", async () => {
    await init("shop -y");
    const own = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
    expect(json("shop/package.json")).toMatchObject({
      dependencies: { quater: `^${own.version}` },
      devDependencies: {
        "@biomejs/biome": own.devDependencies["@biomejs/biome"],
        tsx: own.dependencies.tsx,
        typescript: own.devDependencies.typescript,
      },
    });
  });

  test("quater init --quater writes the path of a packed file relative to the project, and other values unchanged", async () => {
    put("packed/quater.tgz", "");
    await init("shop -y --quater packed/quater.tgz");
    await init("other -y --quater 0.2.0-beta.1");
    expect(json("shop/package.json")["dependencies"]).toEqual({ quater: "file:../packed/quater.tgz" });
    expect(json("other/package.json")["dependencies"]).toEqual({ quater: "0.2.0-beta.1" });
  });
});

describe("quater init --example approvals", () => {
  test("quater init --example approvals writes seven files and prints how to approve a call", async () => {
    const { code, out } = await init("pay -y --example approvals");
    expect(code).toBe(0);
    expect(files("pay").filter((name) => !name.startsWith(".quater/"))).toEqual([
      ".gitignore",
      "README.md",
      "app/payments.ts",
      "package.json",
      "quater.config.ts",
      "test/payments.test.ts",
      "tsconfig.json",
    ]);
    expect(read("pay/quater.config.ts").trimEnd().split("\n").length).toBeLessThanOrEqual(30);
    expect(read("pay/README.md")).toContain("## Approvals");
    expect(out).toContain("quater run sendPayment --to Bo --cents 1250 --wait");
    expect(JSON.parse(read("pay/.quater/keys.json"))).toMatchObject({ keys: [{ kind: "agent", scopes: ["payments:send"] }] });
  });

  test("quater init without --example writes the example hello", async () => {
    await init("a -y");
    await init("b -y --example hello");
    expect(read("b/quater.config.ts")).toBe(read("a/quater.config.ts").replace('name: "a"', 'name: "b"'));
  });
});

describe("quater init chooses a project name and a package manager", () => {
  test.each([
    ["My Shop!", "my-shop"],
    ["2024.orders", "orders"],
    ["quater", "quater-app"],
    ["typescript", "typescript-app"],
    ["Ärger", "rger"],
    ["...", "app"],
  ])("quater init in a folder called %s names the project %s", async (given, name) => {
    mkdirSync(inside("under", given), { recursive: true });
    const { code } = await quater(["init", "-y"], { cwd: inside("under", given) });
    expect([code, json(`under/${given}/package.json`)["name"]]).toEqual([0, name]);
  });

  test.each([
    ["npm/11.0.0 node/v22", ["npm install", "npm run dev", "npx quater run"]],
    ["pnpm/10.0.0 npm/? node/v22", ["pnpm install", "pnpm run dev", "pnpm exec quater run"]],
    ["yarn/1.22.22 npm/? node/v22", ["yarn install", "yarn run dev", "yarn run quater run"]],
    ["bun/1.3.0 npm/? node/v22", ["bun install", "bun run dev", "bunx quater run"]],
  ])("quater init prints the next commands for the package manager %s", async (agent, lines) => {
    const { out } = await init("-y", { npm_config_user_agent: agent });
    for (const line of lines) expect(out).toContain(`\n  ${line}`);
  });

  test("quater init chooses the package manager by --pm, then by a lock file, then by the program that started quater init", async () => {
    put("pnpm-lock.yaml", "");
    const env = { npm_config_user_agent: "npm/11.0.0" };
    expect((await init("-y", env)).out).toContain("  pnpm install\n");
    expect((await init("-y --pm yarn", env)).out).toContain("  yarn install\n");
  });

  test("quater init --json prints the same facts as the text of quater init", async () => {
    const { out } = await init("my-shop -y --json");
    expect(JSON.parse(out)).toMatchObject({
      name: "my-shop",
      root: inside("my-shop"),
      files: expect.arrayContaining([{ path: "app/hello.ts", what: "wrote" }]),
      next: {
        start: ["cd my-shop", "npm install", "npm run dev"],
        calls: [expect.stringMatching(/^curl /), expect.any(String), expect.any(String)],
      },
    });
  });
});

test("quater init writes every example that the help of quater init names", async () => {
  const { out } = await init("--help");
  for (const [example, handlers] of [
    ["hello", "app/hello.ts"],
    ["approvals", "app/payments.ts"],
    ["crud", "app/notes.ts"],
    ["mcp", "app/glossary.ts"],
  ] as const) {
    expect(out).toContain(`${example} (`);
    expect(await init(`${example} -y --example ${example}`)).toMatchObject({ code: 0, err: "" });
    expect(files(example)).toContain(handlers);
  }
});

test("T2: quater init writes settings that pnpm 12 and Yarn 4 need, and writes no settings for npm and bun", async () => {
  for (const manager of ["npm", "pnpm", "yarn", "bun"]) await init(`${manager} -y --pm ${manager}`);
  expect(read("pnpm/pnpm-workspace.yaml")).toContain("\nallowBuilds:\n  esbuild: false\n");
  expect(read("yarn/.yarnrc.yml")).toContain("\nnodeLinker: node-modules\n");
  for (const manager of ["npm", "bun"]) expect(files(manager).filter((name) => /\.ya?ml$/.test(name))).toEqual([]);
});

test("T2: in a workspace of pnpm, quater init prints the line to add and does not create another workspace", async () => {
  put("pnpm-workspace.yaml", "packages: [api]\n");
  const { out } = await init("api -y --pm pnpm");
  expect(out).toContain(`add this to ${inside("pnpm-workspace.yaml")}: allowBuilds: esbuild: false`);
  expect(existsSync(inside("api/pnpm-workspace.yaml"))).toBe(false);
});

test.each([
  ["18.20.8", true],
  ["20.9.0", true],
  ["20.19.0", false],
  ["22.0.0", false],
  ["24.21.0", false],
])("the quater program decides whether the Node version %s is too old: %s", (version, isOld) => {
  const problem = `Node ${version} is too old: Quater needs 20.19 or later. Install a newer one from https://nodejs.org`;
  expect(nodeProblem(version, ">=20.19")).toBe(isOld ? problem : undefined);
});

describe("quater init refuses wrong command lines", () => {
  test.each([
    ["--nmae x", "Unknown flag --nmae; did you mean --name?"],
    ["--frobnicate", "Unknown flag --frobnicate; quater init --help lists the flags"],
    ["a b", 'Unexpected argument "b". Write quater init [dir]'],
    ["--name", "--name needs a value"],
    ["--name -y", "--name needs a value"],
    ["--yes=1", "--yes takes no value. Write --yes without a value"],
    ["-y --name Shop", '--name "Shop" is not valid: the name must begin with a letter'],
    ["-y --name quater", '--name "quater" is not valid: the project depends on the package quater and cannot have the same name'],
    ["-y --example shop", '--example "shop" is unknown. Use one of hello, approvals, crud, mcp'],
    ["-y --pm cargo", '--pm "cargo" is unknown. Use one of npm, pnpm, yarn, bun'],
  ])("quater init %s prints one error line and writes no file", async (words, message) => {
    const { code, err } = await init(words);
    expect([code, err.trimEnd().split("\n").length]).toEqual([64, 1]);
    expect(err).toContain(message);
    expect(files(".")).toEqual([]);
  });

  test("quater init refuses a file in place of a folder, and a malformed package.json", async () => {
    put("file", "");
    expect(await init("file -y")).toMatchObject({
      code: 64,
      err: expect.stringContaining("is a file. Write the path of a folder"),
    });
    put("package.json", "{ nope");
    expect(await init("-y")).toMatchObject({ code: 64, err: expect.stringContaining("package.json is not valid JSON") });
    expect(files(".")).toEqual(["file", "package.json"]);
  });

  test("quater init does not write through symbolic links", async () => {
    put("elsewhere/package.json", "{}");
    mkdirSync(inside("shop"));
    symlinkSync(inside("elsewhere/package.json"), inside("shop/package.json"));
    symlinkSync(inside("elsewhere/new"), inside("elsewhere/README.md"));
    expect(await init("shop -y")).toMatchObject({ code: 64, err: expect.stringContaining("package.json is a symbolic link") });
    await init("elsewhere -y");
    expect([read("elsewhere/package.json") === "{}", existsSync(inside("elsewhere/new"))]).toEqual([false, false]);
  });
});
