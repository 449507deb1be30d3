import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { anyone, authenticated, handler, secret, stream, Type } from "quater";
import { cli } from "quater/cli";
import { definePlugin } from "quater/plugin-api";
import { bootTest, principal, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { flagHelp } from "../../../plugins/cli/actions/action-help.ts";
import { flagsOf, kebab } from "../../../plugins/cli/actions/flags.ts";
import { joinValues, tokenize } from "../../../plugins/cli/actions/tokens.ts";
import { UsageError } from "../../../plugins/cli/output/exit.ts";
import { serverLog, terminalLog } from "../../../plugins/cli/output/log.ts";
import { askSecret } from "../../../plugins/cli/output/prompt.ts";
import { aligned, jsonPretty } from "../../../plugins/cli/output/render.ts";
import { renderValue } from "../../../plugins/cli/output/tables.ts";
import { Terminal } from "../../../plugins/cli/output/terminal.ts";
import { readGlobals } from "../../../plugins/cli/program/globals.ts";
import { runProgram } from "../../../plugins/cli/program/program.ts";
import { programWords } from "../../../plugins/cli/program/program-words.ts";
import { project } from "./kit.ts";

test.each([
  ["amountCents", "amount-cents"],
  ["order_id", "order-id"],
  ["orderID", "order-id"],
  ["URLPath", "url-path"],
  ["ipV4", "ip-v4"],
  ["name", "name"],
])("the flag of quater run for the input field %s is --%s", (name, flag) => expect(kebab(name)).toBe(flag));

test.each([
  ["a string", Type.String(), "text"],
  ["a number or null", Type.Union([Type.Number(), Type.Null()]), "text"],
  ["literals", Type.Union([Type.Literal("a"), Type.Literal(1)]), "text"],
  ["a boolean", Type.Boolean(), "switch"],
  ["a boolean or null", Type.Union([Type.Boolean(), Type.Null()]), "switch"],
  ["a boolean or a string", Type.Union([Type.Boolean(), Type.String()]), "text"],
  ["a list of strings", Type.Array(Type.String()), "list"],
  ["a list of objects", Type.Array(Type.Object({})), "json"],
  ["a list of lists", Type.Array(Type.Array(Type.String())), "list of lists is json"],
  ["an object", Type.Object({}), "json"],
  ["an object or null", Type.Union([Type.Object({}), Type.Null()]), "json"],
  ["an object or a string", Type.Union([Type.Object({}), Type.String()]), "either"],
  ["anything", Type.Any(), "either"],
])("the flag of quater run for an input field with the schema %s has the kind %s", (_, schema, kind) => {
  expect(flagsOf(Type.Object({ x: schema }))[0]?.kind).toBe(kind.split(" ").at(-1));
});

test.each<[Parameters<typeof Type.Object>[0][string], string]>([
  [Type.String({ default: "world", minLength: 1, maxLength: 50 }), '(default "world", 1 to 50 characters)'],
  [Type.String({ minLength: 1 }), "(required, at least 1 character)"],
  [Type.String({ minLength: 4, maxLength: 4, pattern: "^a" }), "(required, exactly 4 characters, pattern ^a)"],
  [Type.Integer({ minimum: 1, maximum: 100 }), "(required, 1 to 100)"],
  [Type.Integer({ minimum: 0 }), "(required, at least 0)"],
  [Type.Number({ exclusiveMinimum: 0, maximum: 1, multipleOf: 0.1 }), "(required, at most 1, more than 0, a multiple of 0.1)"],
  [Type.Array(Type.String(), { maxItems: 5 }), "(required, repeat the flag for several values, at most 5 items)"],
  [Type.Array(Type.String(), { minItems: 1, maxItems: 1 }), "(required, repeat the flag for several values, exactly 1 item)"],
])("the help of an action prints the limits of the schema %j as %s", (schema, words) => {
  expect(flagHelp(flagsOf(Type.Object({ x: schema })), (_, text) => text)).toContain(`  ${words}\n`);
});

test("command lines in messages of quater begin with npx, pnpm exec or quater, depending on the installation", () => {
  const { folder: cwd, remove } = project({});
  try {
    const [own, brought] = ["bin", "node_modules/.bin"].map((name) => join(cwd, name));
    for (const bin of [own, brought]) {
      mkdirSync(bin as string, { recursive: true });
      writeFileSync(join(bin as string, process.platform === "win32" ? "quater.cmd" : "quater"), "");
    }
    const words = (env: Record<string, string | undefined>) => programWords({ env, cwd });
    expect(words({ PATH: own })).toBe("quater");
    expect(words({ PATH: brought })).toBe("npx quater"); // a package manager put it there for this one command
    expect(words({})).toBe("npx quater");
    for (const [agent, line] of [
      ["npm/11.0.0 node/v22", "npx quater"],
      ["pnpm/10.0.0 npm/? node/v22", "pnpm exec quater"],
      ["yarn/1.22.22 npm/? node/v22", "yarn run quater"],
      ["bun/1.3.0 npm/? node/v22", "bunx quater"],
    ])
      expect(words({ PATH: own, npm_config_user_agent: agent })).toBe(line);
    writeFileSync(join(cwd, "pnpm-lock.yaml"), "");
    expect(words({ PATH: brought })).toBe("pnpm exec quater");
  } finally {
    remove();
  }
});

test("the quater program finds its own flags at every place of the command line before --", () => {
  expect(readGlobals(["run", "--json", "--config", "f", "x", "--help", "--version", "--", "--json"])).toEqual({
    json: true,
    isHelp: true,
    isVersion: false,
    config: "f",
    rest: ["run", "x", "--version", "--", "--json"],
  });
  expect(readGlobals(["--no-json", "--config=f", "--version"])).toMatchObject({ json: false, config: "f", isVersion: true });
  expect(() => readGlobals(["--config", "--json"])).toThrow(UsageError);
});

test("the quater program reads the word after a flag as the value of the flag, unless the word looks like a flag", () => {
  const typed = joinValues(tokenize(["--a", "1", "--b", "--c=", "w", "--d", "-5", "--", "--e"]), (flag) =>
    flag === "b" ? "switch" : "value",
  );
  expect(typed).toEqual({
    flags: [
      { flag: "a", value: "1" },
      { flag: "b", value: "true" },
      { flag: "c", value: "" },
      { flag: "d", value: "-5" },
    ],
    words: ["w", "--e"],
  });
  expect(() => tokenize(["-x"])).toThrow("Write flags with two dashes");
});

test("quater prints a list or an object on a terminal as a table or lines, and other values as JSON", () => {
  const plain = (_: string, text: string) => text;
  expect(renderValue({ a: 1, long: "x\ny" }, 80, plain)).toBe("a     1\nlong  x\\u{a}y\n");
  expect(renderValue({ a: { b: 1 } }, 80, plain)).toBe("a.b  1\n");
  expect(renderValue([], 80, plain)).toBe("none\n");
  expect(renderValue(["a", "b"], 80, plain)).toBe("a\nb\n");
  expect(renderValue("two\nlines\u202e", 80, plain)).toBe("two\nlines\\u{202e}\n");
  expect(renderValue(null, 80, plain)).toBe("null\n");
  expect(renderValue({}, 80, plain)).toBe("{}\n");
  expect(aligned([])).toBe("");
});

test("the JSON that quater prints on a terminal parses to the value that the handler returned", () => {
  const value = { text: "é \u0085 \u202e \u{e0001} 😀", "\u0007": "\n" };
  expect(jsonPretty(value)).toMatch(/^[^\p{Cc}\p{Cf}]+$/u.test(jsonPretty(value).replaceAll("\n", "")) ? /./ : /never/);
  expect(JSON.parse(jsonPretty(value))).toEqual(value);
});

test("the probe of the cli surface returns the same answer as the quater program prints", async () => {
  const handlers = {
    echo: handler({
      description: "Echoes.",
      effect: "read",
      input: Type.Object({
        n: Type.Integer(),
        tags: Type.Array(Type.String(), { default: [] }),
        pin: Type.Optional(secret(Type.String())),
      }),
      auth: authenticated,
      handle: ({ n, tags, pin }) => ({ n, tags, digits: pin?.length ?? 0 }),
    }),
    count: handler({
      description: "Counts.",
      effect: "read",
      input: Type.Object({}),
      output: stream(Type.Object({ n: Type.Integer() })),
      auth: anyone,
      async *handle() {
        yield { n: 1 };
        yield { n: 2 };
      },
    }),
  };
  await using app = await bootTest({
    handlers,
    expose: { echo: { cli: true }, count: { cli: true } },
    plugins: [cli({ authenticate: tokens({ t: principal() }) })],
  });
  const probe = async (handler: string, input: Parameters<typeof app.acrossSurfaces>[0]["input"], token = "t") =>
    (await app.acrossSurfaces({ handler, input, token }))["cli"];
  expect(await probe("echo", { json: '{"n":1}' })).toEqual({ ok: true, value: { n: 1, tags: [], digits: 0 } });
  expect(await probe("echo", { text: { n: "1", tags: ["a", "b"], pin: "123" } })).toEqual({
    ok: true,
    value: { n: 1, tags: ["a", "b"], digits: 3 },
  });
  expect(await probe("echo", { text: { n: "x" } })).toMatchObject({
    ok: false,
    code: "invalid_input",
    errors: [{ path: "/n", message: "must be an integer" }],
  });
  expect(await probe("echo", { json: '{"n":1}' }, "wrong")).toMatchObject({ ok: false, code: "invalid_token" });
  expect(await probe("count", { json: "{}" })).toEqual({ ok: true, value: [{ n: 1 }, { n: 2 }] });
});

test("the quater program waits for a slow reader of its output, and reports no error when the reader leaves", async () => {
  const stdout = new PassThrough({ highWaterMark: 4 });
  const terminal = new Terminal({ stdin: Readable.from([]), stdout, stderr: new PassThrough() }, {});
  let isAccepted = false;
  const written = terminal.write("longer than four").then(() => {
    isAccepted = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isAccepted).toBe(false);
  stdout.resume();
  await written;
  stdout.emit("error", Object.assign(new Error("gone"), { code: "EPIPE" }));
  expect([terminal.closed.aborted, terminal.exitCode]).toEqual([true, undefined]);
  await terminal.write("to nobody");
  await terminal.end();
});

test("the quater program exits with 74 when it cannot write its output", async () => {
  const full = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error("full"), { code: "ENOSPC" })) });
  const err = new PassThrough();
  const env = {};
  const code = await runProgram({ argv: ["--version"], env, cwd: ".", stdin: Readable.from([]), stdout: full, stderr: err });
  expect([code, err.read()?.toString()]).toEqual([74, "Writing to standard output failed: ENOSPC\n"]);
});

test("the quater program asks for a secret input on a terminal and does not show the typed text", async () => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
  const stderr = Object.assign(new PassThrough(), { isTTY: true });
  const asked = askSecret(new Terminal({ stdin, stdout: new PassThrough(), stderr }, {}), "cardNumber");
  stdin.write("4242\r");
  expect(await asked).toBe("4242");
  expect(stderr.read()?.toString()).toBe("cardNumber (not shown): \n");
  const piped = new Terminal({ stdin: new PassThrough(), stdout: new PassThrough(), stderr }, {});
  expect(await askSecret(piped, "cardNumber")).toBeUndefined();
});

describe("H25: log functions accept an error in place of fields", () => {
  /** The lines that a log writes, on a terminal or not. */
  const written = async (isTTY: boolean, kind: "server" | "terminal", given: unknown) => {
    const text: string[] = [];
    const keep = (part: unknown, _: unknown, done: () => void) => {
      text.push(String(part));
      done();
    };
    const stderr = Object.assign(new Writable({ write: keep }), { isTTY });
    const terminal = new Terminal({ stdin: Readable.from([]), stdout: new PassThrough(), stderr }, {});
    const env = { QUATER_LOG: "info" };
    const log = kind === "server" ? await serverLog(terminal, env) : terminalLog(terminal, env);
    log.warn("It broke", given);
    log.info("And went on");
    await terminal.end();
    return text.join("");
  };

  test.each([
    ["server", true],
    ["server", false],
    ["terminal", true],
  ] as const)("H25: the log of a %s writes an error that was passed in place of fields (terminal: %s)", async (kind, isTTY) => {
    const text = await written(isTTY, kind, new TypeError("no host", { cause: new Error("refused") }));
    expect(text).toContain("TypeError: no host");
    expect(text).toContain("caused by: Error: refused");
    expect(await written(isTTY, kind, "odd")).toMatch(/value.{1,3}odd/);
    expect(await written(isTTY, kind, { orderId: "o-7" })).toMatch(/orderId.{1,3}o-7/);
  });

  test("H25: the log of the test kit keeps an error that was passed in place of fields as the field error", async () => {
    const error = new Error("no host");
    const broken = definePlugin(() => ({ name: "broken", setup: ({ log }) => log.warn("It broke", error) }));
    await using app = await bootTest({ handlers: {}, plugins: [broken()] });
    expect(app.log).toContainEqual({ level: "warn", message: "It broke", fields: { error } });
  });
});
