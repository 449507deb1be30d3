import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type BootProblem, isBootError } from "quater/plugin-api";
import { afterEach, describe, expect, test } from "vitest";
import { createKernel } from "../../core/boot/kernel.ts";
import { loadManifest } from "../../core/boot/load.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const plain =
  'import { defineConfig } from "quater";\nexport default defineConfig({ name: "fixture", handlers: [], plugins: [] });\n';

/** A project in a folder of its own, with this repository installed as `quater`. */
const project = (files: Readonly<Record<string, string>>): string => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "quater-load-")));
  folders.push(root);
  mkdirSync(join(root, "node_modules"));
  symlinkSync(repository, join(root, "node_modules/quater"));
  for (const [name, text] of Object.entries({ "package.json": '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text, { mode: 0o644 });
  }
  return root;
};

const problemsOf = async (act: () => Promise<unknown>): Promise<readonly BootProblem[]> => {
  try {
    await act();
  } catch (error) {
    if (!isBootError(error)) throw error;
    return error.problems;
  }
  return [];
};

/** Loads the project and checks its handlers, as every command does. */
const boot = async (root: string): Promise<void> => {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const kernel = await createKernel({ loaded: await loadManifest(root), mode: "test", log });
  await kernel.stop();
};

describe("the quater program finds the manifest", () => {
  test.each(["package.json", ".git/HEAD"])(
    "the search for the manifest quater.config.ts ends at the folder with %s",
    async (top) => {
      const root = project({
        "quater.config.ts": plain,
        "inner/deep/x.txt": "",
        [`inner/${top}`]: top.endsWith("json") ? '{"type":"module"}' : "",
      });
      const [problem] = await problemsOf(() => loadManifest(join(root, "inner/deep")));
      expect(problem).toEqual({
        place: join(root, "inner/deep"),
        cause: `Quater found no manifest quater.config.ts in this folder or in its parent folders up to ${join(root, "inner")}`,
        remedy: "Create a manifest with `quater init`, or give the path of an existing manifest with --config",
      });
      writeFileSync(join(root, "inner/quater.config.ts"), plain, { mode: 0o644 });
      expect((await loadManifest(join(root, "inner/deep"))).file).toBe(join(root, "inner/quater.config.ts"));
    },
  );

  test("the search for the manifest does not read ~/.config and runs no .config/config.js", async () => {
    const root = project({
      "home/.config/quater/config.js": "export default 1",
      ".config/config.js": 'require("fs").writeFileSync("was-run", "")',
    });
    const script = `import { loadManifest } from ${JSON.stringify(pathToFileURL(join(repository, "core/boot/load.ts")).href)};
      await loadManifest(process.cwd()).catch((error) => console.log(error.problems[0].cause));
      import { existsSync } from "node:fs"; console.log(existsSync("was-run"));`;
    writeFileSync(join(root, "load.mts"), script);
    const { stdout } = await run(["load.mts"], root, { HOME: join(root, "home"), XDG_CONFIG_HOME: join(root, "home/.config") });
    expect(stdout).toBe(
      `Quater found no manifest quater.config.ts in this folder or in its parent folders up to ${root}\nfalse\n`,
    );
  });

  test("the quater program reads the path in --config relative to the working directory", async () => {
    const root = project({ "conf/other.config.ts": plain, "a/x.txt": "" });
    expect((await loadManifest(join(root, "a"), "../conf/other.config.ts")).root).toBe(join(root, "conf"));
    expect(await problemsOf(() => loadManifest(root, "missing.ts"))).toEqual([
      {
        place: "missing.ts",
        cause: "The manifest file does not exist",
        remedy: "Correct the path of the manifest file in --config or in the environment variable QUATER_CONFIG",
      },
    ]);
  });

  test("a boot problem about a key of the manifest contains the line number of this key", async () => {
    const root = project({ "quater.config.ts": plain });
    const { placeOf } = await loadManifest(root);
    expect([placeOf("plugins"), placeOf("nowhere")]).toEqual(["quater.config.ts:2", "quater.config.ts"]);
  });

  test("boot loads a manifest that is a JavaScript file", async () => {
    const root = project({
      "quater.config.mjs": `import { defineConfig } from ${JSON.stringify(join(repository, "core/index.ts"))};\nexport default defineConfig({ name: "js", handlers: [], plugins: [] });`,
    });
    expect((await loadManifest(root)).manifest.name).toBe("js");
  });
});

const hasNoOwners = process.getuid === undefined; // Windows
describe.skipIf(hasNoOwners)("boot does not run files that other users could change", () => {
  test("boot refuses a manifest that every user can write", async () => {
    const root = project({ "quater.config.ts": plain });
    chmodSync(join(root, "quater.config.ts"), 0o666);
    expect(await problemsOf(() => loadManifest(root))).toEqual([
      {
        place: "quater.config.ts",
        cause: "This file can be changed by other users, so Quater refuses to run the file as code",
        remedy: "Check the content of quater.config.ts, then run `chmod go-w quater.config.ts`",
      },
    ]);
  });

  test("boot refuses a manifest in a folder that every user can write, unless the folder is sticky", async () => {
    const root = project({ "quater.config.ts": plain });
    chmodSync(root, 0o777);
    expect((await problemsOf(() => loadManifest(root)))[0]?.cause).toBe(
      `This file is in ${root}, where other users can write (mode 777), so Quater refuses to run the file as code`,
    );
    chmodSync(root, 0o1777);
    expect(await problemsOf(() => loadManifest(root))).toEqual([]);
  });

  const handlers = {
    "quater.config.ts": `${plain}\nexport const load = () => import("./app/pay.ts");\n`,
    "app/pay.ts": 'import { db } from "./db.js";\nexport const pay = db;\n',
    "app/db.ts": "export const db = 1;\n",
  };

  test("S13: boot refuses a handler module, or a module that it imports, that other users can write, before any code runs", async () => {
    const root = project(handlers);
    chmodSync(join(root, "app/pay.ts"), 0o666);
    chmodSync(join(root, "app/db.ts"), 0o622);
    expect(await problemsOf(() => loadManifest(root))).toEqual(
      ["app/pay.ts", "app/db.ts"].map((file) => ({
        place: file,
        cause: "This file can be changed by other users, so Quater refuses to run the file as code",
        remedy: `Check the content of ${file}, then run \`chmod go-w ${file}\``,
      })),
    );
  });

  test.runIf(process.getuid?.() === 0)(
    "S13: boot refuses a handler module of another user, unless QUATER_TRUSTED_OWNERS names that user",
    async () => {
      const root = project(handlers);
      chownSync(join(root, "app/pay.ts"), 12_345, 12_345);
      expect((await problemsOf(() => loadManifest(root)))[0]).toMatchObject({
        place: "app/pay.ts",
        cause: "This file belongs to another user, so Quater refuses to run the file as code",
      });
      process.env["QUATER_TRUSTED_OWNERS"] = "12345";
      try {
        expect(await problemsOf(() => loadManifest(root))).toEqual([]);
      } finally {
        delete process.env["QUATER_TRUSTED_OWNERS"];
      }
    },
  );

  test("S13: boot refuses a .quater folder that other users can write", async () => {
    const root = project({ ...handlers, ".quater/keys.json": "{}" });
    chmodSync(join(root, ".quater"), 0o777);
    expect((await problemsOf(() => loadManifest(root)))[0]).toEqual({
      place: ".quater",
      cause: `A file in this folder is in ${join(root, ".quater")}, where other users can write (mode 777)`,
      remedy: `Run \`chmod go-w ${join(root, ".quater")}\``,
    });
  });

  test("S13: boot refuses an .env file that sets QUATER_TRUSTED_OWNERS", async () => {
    const root = project({ "quater.config.ts": plain, ".env": "QUATER_TRUSTED_OWNERS=12345" });
    expect((await problemsOf(() => loadManifest(root)))[0]?.cause).toBe(
      "The file .env sets the variable QUATER_TRUSTED_OWNERS, but Quater accepts this variable only from the environment of the process",
    );
  });

  test("boot refuses an .env file that every user can write", async () => {
    const root = project({ "quater.config.ts": plain, ".env": "QUATER_TEST_A=1" });
    chmodSync(join(root, ".env"), 0o666);
    expect((await problemsOf(() => loadManifest(root)))[0]?.place).toBe(".env");
  });
});

describe("boot reads the file .env", () => {
  test("boot sets missing environment variables from .env before boot loads the manifest", async () => {
    const root = project({
      ".env": "QUATER_TEST_NEW=from file\nQUATER_TEST_HAD=from file\n",
      "quater.config.ts": plain.replace('"fixture"', "process.env.QUATER_TEST_NEW + process.env.QUATER_TEST_HAD"),
    });
    process.env["QUATER_TEST_HAD"] = " and from outside";
    try {
      expect((await loadManifest(root)).manifest.name).toBe("from file and from outside");
    } finally {
      delete process.env["QUATER_TEST_NEW"];
      delete process.env["QUATER_TEST_HAD"];
    }
  });

  test("a malformed line in .env does not change the values of the other lines", async () => {
    const text = [
      "\u{feff}# first",
      "export QUATER_TEST_1 = one # said",
      "   \t",
      '\tQUATER_TEST_2="two\n#lines" # and',
      "  # between",
      "QUATER_TEST_3='a\"b'",
      "QUATER_TEST_4=a#b",
      "QUATER_TEST_5=",
      "QUATER_TEST_6=once",
      "QUATER_TEST_6=twice",
      "QUATER_TEST_7=last",
    ];
    const root = project({ ".env": text.join("\r\n"), "quater.config.ts": plain });
    const names = text.flatMap((line) => /QUATER_TEST_\d/.exec(line)?.[0] ?? []);
    try {
      await loadManifest(root);
      const seen = [...new Set(names)].map((name) => process.env[name]);
      expect(seen).toEqual(["one", "two\n#lines", 'a"b', "a", "", "twice", "last"]);
    } finally {
      for (const name of names) delete process.env[name];
    }
  });

  test("a malformed line in .env stops the boot, and the boot problem contains the line number but not the text of the line", async () => {
    const lines = [
      "QUATER_TEST_A secret",
      "QUATER_TEST_B='b",
      "b'",
      "secret",
      'QUATER_TEST_C= "secret',
      "A B=secret",
      "QUATER_TEST_D='d' secret",
    ];
    const root = project({ ".env": lines.join("\n"), "quater.config.ts": plain });
    const before = { ...process.env };
    const remedy = "Write NAME=value, close the quotes of the value, or begin the line with # to make it a comment";
    expect(await problemsOf(() => loadManifest(root))).toEqual(
      [1, 4, 5, 6, 7].map((line) => ({
        place: `.env:${line}`,
        cause: "This line of .env does not have the form NAME=value",
        remedy,
      })),
    );
    expect({ ...process.env }).toEqual(before);
  });

  test.each(["NODE_OPTIONS", "node_extra_ca_certs", "QUATER_HOME", "https_proxy", "HTTP_PROXY", "NO_PROXY", "all_proxy"])(
    "boot refuses an .env file that sets %s",
    async (name) => {
      const before = process.env[name];
      const root = project({ ".env": `${name}=x\n`, "quater.config.ts": plain });
      expect(await problemsOf(() => loadManifest(root))).toEqual([
        {
          place: ".env",
          cause: `The file .env sets the variable ${name}, but Quater accepts this variable only from the environment of the process`,
          remedy: `Remove ${name} from .env. If you need the variable, set ${name} in the environment of the process`,
        },
      ]);
      expect(process.env[name]).toBe(before);
    },
  );
});

const withModule = (text: string) => ({
  "quater.config.ts": `import { defineConfig, expose } from "quater";
export default defineConfig({
  name: "fixture",
  handlers: [
    expose(() => import("./app/orders.ts"), {
      listOrders: { name: "listOrders" },
    }),
  ],
  plugins: [],
});
`,
  "app/orders.ts": text,
});
const exported =
  'export const listOrders = handler({ description: "Lists.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => [] });\n';

/** Each with the place, what happened and what to do; shared by both ways of loading. */
const mistakes: readonly [string, Record<string, string>, BootProblem][] = [
  [
    "a syntax error in the manifest",
    { "quater.config.ts": "export default {\n  name: 'x',\n  plugins: [,\n;\n" },
    {
      place: "quater.config.ts:4:1",
      cause: 'Syntax error: Unexpected ";"',
      remedy: "Correct the syntax error in this line of the file",
    },
  ],
  [
    "a syntax error in a handler module",
    withModule("const a = 1;\nconst b c;\n"),
    {
      place: "app/orders.ts:2:9",
      cause: 'Syntax error: Expected ";" but found "c"',
      remedy: "Correct the syntax error in this line of the file",
    },
  ],
  [
    "a missing module",
    withModule('import { x } from "./gone.ts";\nconsole.log(x);\n'),
    {
      place: "app/orders.ts",
      cause: "Cannot find the module app/gone.ts",
      remedy: "Correct the path or the file extension of the module in the import statement",
    },
  ],
  [
    "a missing package",
    withModule('import x from "left-pad";\nconsole.log(x);\n'),
    { place: "app/orders.ts", cause: "Cannot find the package left-pad", remedy: "Install the package: npm install left-pad" },
  ],
  [
    "a wrong export name",
    withModule('import { handlr } from "quater";\nexport const listOrders = handlr;\n'),
    {
      place: "app/orders.ts:1",
      cause: "The module quater has no export named handlr",
      remedy: "Correct the name of the export in the import statement",
    },
  ],
  [
    "a throw at the top of a module",
    withModule("const url = undefined as unknown as { host: string };\n\nconsole.log(url.host);\n"),
    {
      place: "app/orders.ts:3",
      cause:
        "The code of this file threw an error while Quater loaded the file: TypeError: Cannot read properties of undefined (reading 'host')",
      remedy: "Correct the code of this file that runs at import",
    },
  ],
  [
    "a throw at the top of the manifest",
    { "quater.config.ts": '\nthrow new Error("no \\u001b[31mkey");\n' },
    {
      place: "quater.config.ts:2",
      cause: "The code of this file threw an error while Quater loaded the file: Error: no \\u{1b}[31mkey",
      remedy: "Correct the code of this file that runs at import",
    },
  ],
  [
    "no default export",
    { "quater.config.ts": plain.replace("export default", "export const config =") },
    {
      place: "quater.config.ts",
      cause: "The default export of this file is not a manifest",
      remedy: "Write `export default defineConfig({ ... })` in the manifest file",
    },
  ],
  [
    "a CommonJS project",
    { "quater.config.ts": plain, "package.json": "{}" },
    {
      place: "quater.config.ts",
      cause: "The project uses CommonJS modules",
      remedy: 'Set "type": "module" in package.json. Quater needs ES modules',
    },
  ],
  [
    "a handler that is not exported",
    withModule(`import { anyone, handler, Type } from "quater";\n${exported.replace("listOrders", "listOrder")}`),
    {
      place: "quater.config.ts:6",
      cause: "The manifest exposes listOrders, but no export of ./app/orders.ts has this name",
      remedy: "Did you mean listOrder?",
    },
  ],
];

// The test runner reads stacks in its own way and loses lines of code that threw; the program's own are checked below.
test.each(mistakes)(
  "boot reports %s with place, cause and remedy, and without a stack",
  async (_name, files, { place, cause, remedy }) => {
    const [file] = place.split(":");
    const expected = { place: cause.includes("threw") ? expect.stringContaining(`${file}:`) : place, cause, remedy };
    expect(await problemsOf(() => boot(project(files)))).toEqual([expected]);
  },
);

const run = (args: string[], cwd: string, env: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, ["-C", "quater-source", "--import", import.meta.resolve("tsx"), ...args], {
    cwd,
    env: { ...process.env, ...env },
  });

test("the quater program prints the same boot problems when the program runs as a separate process", async () => {
  const expected = mistakes.map(([, , problem]) => problem);
  const roots = mistakes.map(([, files]) => project(files));
  const home = project({
    "boot.mts": `import { createKernel } from ${JSON.stringify(join(repository, "core/boot/kernel.ts"))};
import { loadManifest } from ${JSON.stringify(join(repository, "core/boot/load.ts"))};
const log = { info() {}, warn() {}, error() {} };
for (const root of process.argv.slice(2)) {
  try {
    await createKernel({ loaded: await loadManifest(root), mode: "test", log });
    console.log("[]");
  } catch (error) {
    console.log(JSON.stringify(error.problems ?? String(error.stack)));
  }
}`,
  });
  const { stdout } = await run(["boot.mts", ...roots], home);
  const found = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as BootProblem[]);
  expect(found).toEqual(expected.map((problem) => [problem]));
});
