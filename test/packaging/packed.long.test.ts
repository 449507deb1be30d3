// The package from the outside: what is in it, what compilers see of it, and what a newcomer meets in the first ten minutes.
// Everything here runs what `npm pack` made, in folders that know nothing of the checkout.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyFolder, freePort, pack, repository, type Server, serve, shell, succeed } from "./kit.ts";

const { folder, remove } = emptyFolder();
const hello = join(folder, "hello");
const page = readFileSync(join(repository, "docs/tutorial/first-project.md"), "utf8");
/** The lines a newcomer types, as they were run. */
const typed: string[] = [];
let tarball: string;
let contents: readonly string[];
let said: { readonly init: string; readonly dev: string };
let port: number;
let dev: Server;

const typeIn = (line: string, cwd: string) => {
  typed.push(line);
  return succeed(line, cwd);
};

beforeAll(async () => {
  ({ tarball, files: contents } = await pack(folder));
  const init = await typeIn(`npx --yes --package="${tarball}" -- quater init hello -y --quater "${tarball}"`, folder);
  // The tests of a checkout may run beside each other and beside a server: every one takes a port that is free.
  port = await freePort();
  const manifest = join(hello, "quater.config.ts");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace("port: 3000", `port: ${port}`));
  await typeIn("npm install", hello);
  typed.push("npm run dev");
  dev = serve("npm run dev", hello);
  said = { init, dev: await dev.saying(/Connect an agent:\n.*\n/) };
}, 180_000);

afterAll(async () => {
  await dev?.stop();
  remove();
});

/** A line that `init` printed for pasting, with the port of this test. */
const printed = (beginning: string): string => {
  const line = said.init.split("\n").find((text) => text.trim().startsWith(beginning));
  return (line ?? `init printed no line that begins with ${beginning}`).trim().replace(":3000", `:${port}`);
};
interface Entry {
  readonly url: string;
  readonly headers: { readonly Authorization: string };
}
const key = () => readFileSync(join(hello, ".quater/development-key"), "utf8").trim();

describe("the packed npm package of Quater works", () => {
  test("the npm package of Quater contains only the build, licences and the readme", () => {
    const others = contents.filter((path) => !/^dist\/(?:.*\.(?:js|d\.ts)|\w+\.LICENSE)$/.test(path));
    expect(others.sort()).toEqual(["LICENSE", "README.md", "dist/plugins/http/docs/swagger-ui.css", "package.json"]);
    expect(contents).toEqual(expect.arrayContaining(["dist/typebox.LICENSE", "dist/swagger.LICENSE"]));
    const { bin, exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
      bin: Record<string, string>;
      exports: Record<string, string | Record<string, string>>;
    };
    const named = [
      ...Object.values(bin),
      ...Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [entry] : [entry["types"], entry["default"]])),
    ];
    expect(named.map((path) => path?.replace(/^\.\//, "")).filter((path) => !contents.includes(path ?? ""))).toEqual([]);
  });

  test("the npm package of Quater passes the checks of publint and attw", async () => {
    const bin = join(repository, "node_modules/.bin");
    expect(await succeed(`"${bin}/publint" run "${tarball}" --strict`, folder)).toContain("All good!");
    const { problems } = JSON.parse(await succeed(`"${bin}/attw" "${tarball}" --profile esm-only --format json`, folder)) as {
      problems: Record<string, unknown>;
    };
    expect(problems).toBeDefined();
  });

  test("a TypeScript manifest imports the same copy of Quater as the program that loads the manifest", async () => {
    writeFileSync(
      join(hello, "once.config.ts"),
      `import { authenticated, defineConfig, expose, handler, QuaterError, Type } from "quater";
import { definePlugin } from "quater/plugin-api";
import { cli, localUser } from "quater/plugins";
const breaks = handler({
  description: "Breaks, so that the kernel makes an error of its own.",
  effect: "read",
  input: Type.Object({}),
  auth: authenticated,
  handle: () => JSON.parse(""),
});
const watch = definePlugin(() => ({
  name: "watch",
  hooks: { settled: (_, outcome) => console.log(!outcome.ok && outcome.error instanceof QuaterError) },
}));
export default defineConfig({
  name: "once",
  handlers: [expose(async () => ({ breaks }), { breaks: { cli: true } })],
  plugins: [cli({ authenticate: localUser() }), watch()],
});
`,
    );
    const { code, err } = await shell("./node_modules/.bin/quater --config once.config.ts run breaks", hello);
    expect([code, err.split("\n")[0]]).toEqual([70, "true"]); // what is not a result goes there
  });

  test("esbuild is the only dependency with an install script, and Quater works without this script", () => {
    const scripted: string[] = [];
    const walk = (modules: string): void => {
      for (const name of readdirSync(modules)) {
        const path = join(modules, name);
        if (name.startsWith("@")) walk(path);
        if (!existsSync(join(path, "package.json"))) continue;
        const { scripts = {} } = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as { scripts?: object };
        if (["preinstall", "install", "postinstall"].some((script) => script in scripts) || existsSync(join(path, "binding.gyp")))
          scripted.push(name);
        if (existsSync(join(path, "node_modules"))) walk(join(path, "node_modules"));
      }
    };
    walk(join(hello, "node_modules"));
    // With pnpm below no script runs at all.
    expect([...new Set(scripted)]).toEqual(["esbuild"]);
  });

  test("a project with the npm package compiles with nodenext and bundler resolution, with and without skipLibCheck", async () => {
    const complaints = async (flags: string) => {
      const { out } = await shell(`./node_modules/.bin/tsc ${flags} --pretty false`, hello);
      return out.split("\n").filter((line) => /error TS/.test(line));
    };
    expect(await complaints("--module esnext --moduleResolution bundler --skipLibCheck")).toEqual([]);
    // Without it every declaration is checked: both kinds of resolution find the same ones, so one run will do.
    const found = await complaints("--module nodenext --skipLibCheck false");
    expect(found).toEqual([]);
  });
});

describe("the guide to the typed client works with the npm package", () => {
  test("a browser project with the typed client compiles with the declarations of the server and without types of Node", async () => {
    const guide = readFileSync(join(repository, "docs/guides/client.md"), "utf8");
    const project = join(folder, "two-projects");
    for (const name of ["app", "web"]) mkdirSync(join(project, name), { recursive: true });
    symlinkSync(join(hello, "node_modules"), join(project, "node_modules"));
    writeFileSync(join(project, "package.json"), '{ "type": "module" }');
    const [server = "", web = ""] = [...guide.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
    writeFileSync(join(project, "tsconfig.json"), server);
    writeFileSync(join(project, "web/tsconfig.json"), web);
    const named = /^<!-- file: (\S+).*\n(?:<!--.*\n)*```ts\n([\s\S]*?)^```$/gm;
    for (const [, file = "", code = ""] of guide.matchAll(named)) writeFileSync(join(project, file), code);
    await succeed("./node_modules/.bin/tsc --build web", project);
    writeFileSync(
      join(project, "web/wrong.ts"),
      'import { client } from "./shop.ts";\nawait client("GET /order");\nexport {};\n',
    );
    expect((await shell("./node_modules/.bin/tsc --build web --pretty false", project)).out).toContain(
      `web/wrong.ts(2,14): error TS2345: Argument of type '"GET /order"' is not assignable to parameter of type`,
    );
  });
});

describe("the first steps of the tutorial work with the npm package", () => {
  test("quater init lists the seven files that it wrote, and creates a development key that only its owner can read", () => {
    expect(said.init.match(/^ {2}wrote {2}\S+/gm)?.map((line) => line.slice("  wrote  ".length))).toEqual([
      ".gitignore",
      "app/hello.ts",
      "test/hello.test.ts",
      "quater.config.ts",
      "package.json",
      "tsconfig.json",
      "README.md",
      ".quater/development-key:",
    ]);
    expect(statSync(join(hello, ".quater/development-key")).mode & 0o777).toBe(0o600);
  });

  test("six commands in an empty folder create a project that answers over HTTP, MCP and the terminal", async () => {
    expect(JSON.parse(await typeIn(printed("curl"), hello))).toEqual({ text: "Hello world" });
    expect(JSON.parse(await typeIn(printed("npx quater run"), hello))).toEqual({ text: "Hello Ana" });
    await typeIn(printed("npx quater mcp add claude-code"), hello);
    const { url, headers } = (JSON.parse(readFileSync(join(hello, ".mcp.json"), "utf8")) as { mcpServers: { hello: Entry } })
      .mcpServers.hello;
    const Authorization = headers.Authorization.replace(/\$\{QUATER_MCP_TOKEN\}/, key());
    const client = new Client({ name: "agent", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization } } });
    await client.connect(transport as never);
    expect((await client.callTool({ name: "hello", arguments: { name: "Ana" } })).structuredContent).toEqual({
      text: "Hello Ana",
    });
    await client.close();
    expect(typed.length).toBe(6);
  });

  test("the tutorial shows exactly the files and the output of the commands in the tutorial", async () => {
    const printedHere = [
      said.init,
      said.dev.slice(said.dev.indexOf("handler "), said.dev.indexOf("\nTry it:")),
      await succeed("./node_modules/.bin/quater run hello --name Ana --no-json", hello),
      (await shell("./node_modules/.bin/quater run hello --nmae Ana --no-json", hello)).err.replace(/ {2}call .*\n/, ""),
    ];
    for (const text of printedHere) expect(page).toContain(`\`\`\`text\n${text.replaceAll(`${port}`, "3000")}\`\`\`\n`);
    for (const file of ["app/hello.ts", "quater.config.ts"])
      expect(page).toContain(`\`\`\`ts\n${readFileSync(join(hello, file), "utf8").replace(`${port}`, "3000")}\`\`\`\n`);
  });

  test("quater dev prints the lines in the tutorial with the real development key", () => {
    expect(said.dev).toContain(`curl -H "Authorization: Bearer ${key()}" http://127.0.0.1:${port}/hello\n`);
    expect(said.dev).toContain(`  npx quater mcp add claude-code --http http://127.0.0.1:${port}/mcp\n`);
  });

  test("a project from quater init passes its own tests, types and lint with npm", async () => {
    await succeed("npm test && npm run check && npm run lint", hello);
  });

  test.each([
    ["pnpm", "10.34.9", "pnpm@10.34.9", "pnpm exec quater"],
    ["pnpm", "12.21.0", "pnpm@12.21.0", "pnpm exec quater"],
    ["yarn", "1.22.22", "yarn@1.22.22", "yarn run quater"],
    ["yarn", "4.18.1", "@yarnpkg/cli-dist@4.18.1", "yarn run quater"],
  ])(
    "T2: a project from quater init installs and passes its tests, types and lint with %s %s",
    async (manager, version, from, exec) => {
      const name = `with-${manager}-${version.split(".")[0]}`;
      const project = join(folder, name);
      const started = { npm_config_user_agent: `${manager}/${version} npm/? node/v22.0.0 linux x64` };
      const made = await succeed(`./node_modules/.bin/quater init ../${name} -y --quater "${tarball}"`, hello, started);
      expect(made).toContain(`  ${exec} run hello --name Ana\n`);
      const scripts = ["test", "check", "lint"].map((script) => `${manager} run ${script}`);
      const all = [`${manager} install`, ...scripts, `${exec} run hello --name Ana`].join(" && ");
      expect(await succeed(`npx --yes --package=${from} -c "${all}"`, project, { CI: "" })).toContain('{"text":"Hello Ana"}\n');
    },
    180_000,
  );

  test("T2: a project from quater init installs and passes its tests, types and lint with bun", async () => {
    const project = join(folder, "with-bun");
    const started = { npm_config_user_agent: "bun/1.4.5 npm/? node/v24.3.0 linux x64" };
    const made = await succeed(`./node_modules/.bin/quater init ../with-bun -y --quater "${tarball}"`, hello, started);
    expect(made).toContain("  bunx quater run hello --name Ana\n");
    // The package bun downloads its program in an install script. This package is the program.
    await succeed("npm install --no-save --prefix ../bun @oven/bun-linux-x64-baseline@1.4.5", hello);
    const bin = join(folder, "bun/node_modules/@oven/bun-linux-x64-baseline/bin");
    symlinkSync(join(bin, "bun"), join(bin, "bunx"));
    const all = "bun install && bun run test && bun run check && bun run lint && bunx quater run hello --name Ana";
    const out = await succeed(all, project, { PATH: `${bin}:${process.env["PATH"]}` });
    expect(out).toContain('{"text":"Hello Ana"}\n');
  }, 180_000);

  test("a project from quater init --example approvals passes its test, and its call needs approval", async () => {
    const project = join(folder, "pay");
    await succeed(`./node_modules/.bin/quater init ../pay -y --example approvals --quater "${tarball}"`, hello);
    await succeed("npm install --no-audit --no-fund && npm test && npm run check && npm run lint", project);
    const { code, err } = await shell("npx quater run sendPayment --to Bo --cents 1250 --no-json", project);
    expect(code).toBe(75);
    expect(err).toMatch(/approval request apr_[a-z2-7]{20} is pending/);
    expect(err).toMatch(/quater approvals wait apr_[a-z2-7]{20}\n/);
  }, 120_000);

  test("a second quater init in the same folder changes no file", async () => {
    const files = () =>
      [
        ".gitignore",
        "app/hello.ts",
        "test/hello.test.ts",
        "quater.config.ts",
        "package.json",
        "tsconfig.json",
        "README.md",
        ".quater/keys.json",
      ].map((name) => readFileSync(join(hello, name), "utf8"));
    const before = files();
    expect(await succeed("./node_modules/.bin/quater init -y", hello)).not.toMatch(/wrote|added/);
    expect(files()).toEqual(before);
  });
});

describe("mistakes give the messages that the tutorial shows", () => {
  const curl = async (path: string, header = "") =>
    JSON.parse(await succeed(`curl -sS ${header} http://127.0.0.1:${port}${path}`, hello)) as { code: string; detail: string };
  const expectShown = (seen: string, messages: readonly string[]) => {
    const shown = seen.replaceAll(`${port}`, "3000").replaceAll("slip.config.ts", "quater.config.ts");
    for (const message of messages) {
      expect(shown).toContain(message);
      expect(page).toContain(`\`${message}\``);
    }
  };

  test.each([
    ["quater run helo", 64, 'No action named "helo"; did you mean "hello"?'],
    ["quater run hello --nmae Ana", 65, "/nmae is not a known field; did you mean --name?"],
    ["quater srve", 64, 'Unknown command "srve"; did you mean "serve"?'],
    ["quater init --nmae x", 64, "Unknown flag --nmae; did you mean --name?"],
  ])("the wrong command %s prints the message that the tutorial shows", async (line, code, message) => {
    const seen = await shell(`./node_modules/.bin/${line} --no-json`, hello);
    expect(seen.code).toBe(code);
    expectShown(seen.err, [message]);
  });

  test.each([
    [
      "the name of a missing handler",
      "hello: {",
      "helo: {",
      ["quater.config.ts:9", "The manifest exposes helo, but no export of ./app/hello.ts has this name", "Did you mean hello?"],
    ],
    [
      "a misspelt surface",
      "mcp: true",
      "mpc: true",
      [
        "quater.config.ts:9",
        'The exposure of hello has the key "mpc", but no configured plugin accepts this key',
        'Did you mean "mcp"?',
      ],
    ],
    [
      "a missing module",
      "app/hello.ts",
      "app/helo.ts",
      ["Cannot find the module app/helo.ts", "Correct the path or the file extension of the module in the import statement"],
    ],
    [
      "a malformed route",
      "GET /hello",
      "GET hello",
      [
        "quater.config.ts:9",
        "The exposure of hello is invalid: http must match the pattern",
        'Write http as "GET /path", or as an object: { route, status?, bind?, body?, answer?, extra?, cache?, forms? }',
      ],
    ],
    ["a misspelt option", "http({ port", "http({ prot", ['http has no option "prot"; did you mean "port"?']],
    [
      "a surface without authenticate",
      "mcp({ authenticate: apiKeys() })",
      "mcp()",
      [
        "MCP tools are exposed, but the plugin mcp() has no authenticate option",
        "Add the option to the plugin, for example mcp({ authenticate: apiKeys() })",
      ],
    ],
  ])("boot prints the message in the tutorial for %s in the manifest", async (_, right, wrong, messages) => {
    const text = readFileSync(join(hello, "quater.config.ts"), "utf8");
    writeFileSync(join(hello, "slip.config.ts"), text.replace(right, wrong));
    const { code, err } = await shell("./node_modules/.bin/quater exposure --config slip.config.ts", hello);
    expect(code).toBe(78);
    expectShown(err, messages);
  });

  test("boot prints the message in the tutorial for a package.json of type CommonJS", async () => {
    const file = join(hello, "package.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace('"type": "module"', '"type": "commonjs"'));
    const { code, err } = await shell("./node_modules/.bin/quater run hello", hello);
    writeFileSync(file, text);
    expect(code).toBe(78);
    expectShown(err, ["The project uses CommonJS modules", 'Set "type": "module" in package.json']);
  });

  test("an HTTP request without a key or with a wrong key gets the message that the tutorial shows", async () => {
    const missing = await curl("/hello");
    expectShown(missing.code, ["unauthenticated"]);
    expectShown(missing.detail, ["send Authorization: Bearer <key>"]);
    const wrong = await curl("/hello", '-H "Authorization: Bearer nope"');
    expectShown(wrong.code, ["invalid_token"]);
    expectShown(wrong.detail, ["Ask the operator of this service for a new credential"]);
  });

  test("quater serve prints the message that the tutorial shows when the port is in use", async () => {
    const { code, err } = await shell("./node_modules/.bin/quater serve", hello);
    expect(code).toBe(78);
    expectShown(err, [
      "Port 3000 on 127.0.0.1 is already in use",
      "Stop the process that listens on this port, or choose another port with http({ port })",
    ]);
  });
});
