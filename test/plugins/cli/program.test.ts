import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { project, quater, shop } from "./kit.ts";

const broken = `throw new Error("the manifest was loaded");`;

test("quater --version and --help do not load the manifest", async () => {
  const { folder, remove } = project({ "quater.config.mjs": broken, "package.json": "{}" });
  try {
    expect(await quater(["--version"], { cwd: folder })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    const help = await quater(["--help"], { cwd: folder });
    expect(help).toMatchObject({ code: 0, err: "" });
    for (const word of ["run <action>", "actions", "serve", "mcp", "exposure", "openapi", "keys create"])
      expect(help.out).toContain(word);
    for (const argv of [
      ["run", "--help"],
      ["serve", "--help"],
      ["actions", "--help"],
    ])
      expect(await quater(argv, { cwd: folder })).toMatchObject({ code: 0, err: "", out: expect.stringContaining("Usage") });
  } finally {
    remove();
  }
});

test.each([
  [["rnu"], 'Unknown command "rnu"; did you mean "run"?'],
  [["frobnicate"], 'Unknown command "frobnicate"; quater --help lists all commands'],
  [["run", "refundOdrer"], 'No action named "refundOdrer"; did you mean "refundOrder"?'],
  [["run", "zzz"], 'No action named "zzz". The command quater actions lists all actions'],
  [["run", "httpOnly"], 'No action named "httpOnly". The command quater actions lists all actions'],
  [["run"], "The command line names no action. Write quater run <action>. The command quater actions lists all actions"],
  [["run", "--limit", "1", "listOrders"], "--limit must come after the action: quater run <action> --limit"],
  [["run", "listOrders", "extra"], 'Unexpected argument "extra". Set inputs with flags'],
  [["run", "listOrders", "--limit"], '--limit needs a value. Write a value that begins with "-" as --limit=...'],
  [["run", "listOrders", "-l", "1"], "Unknown flag -l. Write flags with two dashes: --name"],
  [["run", "refundOrder", "--no-is-urgent=1"], "--no-is-urgent takes no value. Write --no-is-urgent without a value"],
  [["run", "listOrders", "--input"], '--input needs the path of a file, or "-" for standard input'],
  [["--confg", "x"], "Unknown flag --confg; did you mean --config?"],
  [["run", "--config"], "--config needs the path of a file"],
  [["actions", "lsit"], 'Unknown command "actions lsit"; did you mean "actions list"?'],
  [["actions", "describe"], "An argument is missing. Write quater actions describe <action>"],
  [["actions", "describe", "greeet"], 'No action named "greeet"; did you mean "greet"?'],
  [["serve", "--jsn"], "Unknown flag --jsn; did you mean --json?"],
  [["serve", "--port", "3001"], "Unknown flag --port. Set this option in the manifest: http({ port: ... })"],
  [["dev", "--host", "0.0.0.0"], "Unknown flag --host. Set this option in the manifest: http({ host: ... })"],
  [
    ["exposure", "now"],
    'Unexpected argument "now". Write quater exposure [--write] [--check] [--base <value>] [--markdown] [--accept <value>] [--change <value>]',
  ],
  [["keys", "craete"], 'Unknown command "keys craete"; did you mean "keys create"?'],
  [["report", "maek"], 'Unknown command "report maek"; did you mean "report make"?'],
])("quater prints one error line and exits with 64 for the command line %j", async (argv, sentence) => {
  expect(await quater(argv)).toEqual({ code: 64, out: "", err: `quater: ${sentence}\n` });
});

test("the quater program prints a JSON object for a mistyped command with --json", async () => {
  const { err, code } = await quater(["run", "gret", "--json"]);
  expect([code, JSON.parse(err)]).toEqual([
    64,
    { error: { code: "unknown_handler", message: 'No action named "gret"; did you mean "greet"?' } },
  ]);
});

test("the quater program escapes control characters of arguments in its error on a terminal", async () => {
  expect((await quater(["\u001b[2Jx"], { isTerminal: true })).err).not.toContain("\u001b");
});

test("quater without a command prints the overview to standard error", async () => {
  expect(await quater([])).toMatchObject({ code: 64, out: "", err: expect.stringContaining("Usage  quater <command>") });
});

const handlers = `
import { anyone, handler, Type } from "quater";
const parts = { effect: "read", input: Type.Object({}), auth: anyone, handle: () => "ok" };
export const good = handler({ ...parts, description: "Good." });
export const silent = handler({ ...parts, description: "" });
export const open = handler({ ...parts, description: "Open.", auth: undefined });
`;
const manifest = (table: string, plugins: string) => `
import { defineConfig, expose } from "quater";
import { cli } from "quater/cli";
import { http } from "quater/http";
export default defineConfig({
  name: "made",
  handlers: [expose(() => import("./handlers.mjs"), ${table})],
  plugins: [${plugins}],
});
`;

test("boot refuses exposed actions when cli() has no authenticate option, and names the option", async () => {
  const { folder, remove } = project({
    "handlers.mjs": handlers,
    "quater.config.mjs": manifest("{ good: { cli: true } }", "cli()"),
  });
  try {
    const { code, out, err } = await quater(["run", "good"], { cwd: folder });
    expect([code, out]).toEqual([78, ""]);
    expect(err).toContain("CLI actions are exposed, but the plugin cli() has no authenticate option");
    expect(err).toContain("Add the option to the plugin, for example cli({ authenticate: apiKeys() })");
  } finally {
    remove();
  }
});

test("the quater program prints all boot problems at once with place, cause and remedy, without a stack", async () => {
  const { folder, remove } = project({
    "handlers.mjs": handlers,
    "quater.config.mjs": manifest(
      "{ silent: { cli: true },\n open: { cli: true },\n good: { cly: true, cli: 7 },\n missing: { cli: true } }",
      "cli(), http",
    ),
  });
  try {
    const { code, err } = await quater(["exposure"], { cwd: folder, isTerminal: true });
    expect(code).toBe(78);
    for (const text of [
      "silent has no description",
      "open has no auth",
      'has the key "cly", but no configured plugin accepts this key',
      'Did you mean "cli"?',
      "The manifest exposes missing, but no export",
      "plugins[1] is a function that was not called",
      "CLI actions are exposed, but the plugin cli() has no authenticate option",
    ])
      expect(err).toContain(text);
    expect(err).toMatch(
      /^The project does not boot: \d+ problems\n\n {2}quater\.config\.mjs:\d+\n {4}cause {3}\S.*\n {4}remedy {2}\S/,
    );
    expect(err).not.toMatch(/\n\s+at /);
    const asJson = await quater(["exposure", "--json"], { cwd: folder });
    expect(JSON.parse(asJson.err)).toMatchObject({
      error: {
        code: "configuration",
        problems: expect.arrayContaining([expect.objectContaining({ remedy: 'Did you mean "cli"?' })]),
      },
    });
  } finally {
    remove();
  }
});

test("the quater program reports a handler name in the manifest that no module exports", async () => {
  const { folder, remove } = project({
    "handlers.mjs": handlers,
    "quater.config.mjs": manifest("{ god: { cli: true } }", "cli({ authenticate: () => undefined })"),
  });
  try {
    for (const name of ["good", "god"]) {
      const { code, err } = await quater(["run", name], { cwd: folder });
      expect(code).toBe(78);
      expect(err).toMatch(/exposes god, but no export of \S*\/handlers\.mjs has this name\n/);
      expect(err).toContain("Did you mean good?");
    }
  } finally {
    remove();
  }
});

test("the quater program works without cli() in the manifest, and quater run prints how to add cli()", async () => {
  const { folder, remove } = project({
    "handlers.mjs": handlers,
    "quater.config.mjs": manifest('{ good: { http: "GET /good" } }', "http({ authenticate: () => undefined })"),
  });
  try {
    for (const argv of [["run", "good"], ["run", "good", "--help"], ["actions"]]) {
      const { code, err } = await quater(argv, { cwd: folder });
      expect(code).toBe(78);
      expect(err).toContain("No cli() is configured");
      expect(err).toContain("Add cli({ authenticate: localUser() }) to plugins");
    }
    expect(await quater(["exposure", "--no-json"], { cwd: folder })).toMatchObject({
      code: 0,
      out: expect.stringContaining("good     GET /good  read    anyone  -\n"),
    });
    expect(JSON.parse((await quater(["openapi"], { cwd: folder })).out)).toMatchObject({ openapi: expect.any(String) });
    expect(await quater(["mcp"], { cwd: folder })).toMatchObject({
      code: 78,
      err: expect.stringContaining("No mcp() is configured"),
    });
  } finally {
    remove();
  }
});

test("the quater program loads the manifest that --config or QUATER_CONFIG names", async () => {
  const { folder, remove } = project({ "package.json": "{}" });
  try {
    const file = join(shop, "quater.config.mjs");
    expect((await quater(["run", "--config", file, "greet", "--name", "a"], { cwd: folder })).out).toBe('"Hello a"\n');
    expect((await quater(["run", "greet", "--name", "a"], { cwd: folder, env: { QUATER_CONFIG: file } })).out).toBe(
      '"Hello a"\n',
    );
    // A manifest is code, and an action's words may come from anybody.
    expect(await quater(["run", "greet", "--name", `--config=${file}`], { cwd: shop })).toMatchObject({ code: 64 });
    expect(await quater(["exposure", "--config", "none.ts"], { cwd: folder })).toMatchObject({
      code: 78,
      err: expect.stringContaining("The manifest file does not exist"),
    });
    expect(await quater(["exposure"], { cwd: folder })).toMatchObject({
      code: 78,
      err: expect.stringContaining("Quater found no manifest quater.config.ts"),
    });
    expect(await quater(["rnu"], { cwd: folder })).toMatchObject({
      code: 64,
      err: expect.stringContaining('did you mean "run"?'),
    });
  } finally {
    remove();
  }
});

test("quater actions lists and describes the actions that the rights of the caller allow", async () => {
  const { out } = await quater(["actions", "list"], { isTerminal: true });
  expect(out).toContain("greet        Greets somebody.\n");
  expect(out).not.toMatch(/adminOnly|httpOnly|forgotten/);
  expect((await quater(["actions", "describe", "adminOnly"])).code).toBe(64);
  expect(await quater(["actions"], { env: { QUATER_TOKEN: "nope" } })).toMatchObject({ code: 77, out: "" });
  expect(JSON.parse((await quater(["actions", "--json"])).out)).toContainEqual({
    name: "greet",
    description: "Greets somebody.",
    effect: "read",
  });
});

test("quater actions describe --json prints everything that an agent needs to run the action", async () => {
  const described = JSON.parse((await quater(["actions", "describe", "refund-order"])).out);
  expect(described).toMatchObject({
    name: "refundOrder",
    effect: "destructive",
    auth: "can(orders)",
    input: { properties: { amountCents: { minimum: 1 } }, additionalProperties: false },
    usage: {
      dryRun: expect.stringMatching(/^npx quater run refundOrder --dry-run --order-id <string> --amount-cents <integer>/),
    },
  });
  expect(described.flags).toContainEqual({ input: "amountCents", flag: "--amount-cents", isRequired: true, kind: "text" });
  const { out } = await quater(["actions", "describe", "charge"], { isTerminal: true });
  expect(out).toContain("secret: give it with --input or in the variable QUATER_INPUT_CARD_NUMBER");
  expect(out).toContain("npx quater run charge --dry-run --cents <integer>");
  expect(out).toMatch(/problems +card_refused, card_expired\n/);
  expect(JSON.parse((await quater(["actions", "describe", "charge"])).out)).toMatchObject({
    problems: ["card_refused", "card_expired"],
    problemKinds: { card_refused: "conflict" },
  });
});

test("quater exposure lists every handler in the order of the manifest, also handlers that are not exposed", async () => {
  const { out } = await quater(["exposure"], { isTerminal: true });
  const lines = out.split("\n");
  expect(lines[0]).toBe("handler      http                           cli  effect       auth           approval");
  expect(lines[2]).toBe("refundOrder  POST /orders/:orderId/refunds  yes  destructive  can(orders)    -");
  expect(lines[10]).toMatch(/^greet /);
  expect(out).toMatch(/Handlers that are not exposed\n {2}forgotten {2}\S*\/orders\.ts\n/);
  expect(JSON.parse((await quater(["exposure", "--json"])).out)).toMatchObject({
    handlers: expect.arrayContaining([
      expect.objectContaining({ handler: "httpOnly", surfaces: { http: "GET /http-only", cli: null }, isPublic: false }),
    ]),
    declared: [{ name: "forgotten", module: expect.stringMatching(/\/orders\.ts$/) }],
    outsideThePipeline: [],
  });
});

test("the commands of plugins read flags and words by their input schema, and return an exit code", async () => {
  expect(await quater(["report", "make", "2024", "a", "b"])).toEqual({
    code: 0,
    out: '{"year":2024,"names":["a","b"],"isLong":false}\n',
    err: "made\n",
  });
  expect((await quater(["report", "make", "--year=2024", "--is-long"])).code).toBe(3);
  const wrong = await quater(["report", "make", "soon"], { isTerminal: true });
  expect(wrong).toMatchObject({ code: 65, err: "invalid_input: --year must be an integer\n" });
  const unknown = await quater(["report", "make", "2024", "--nams", "a"], { isTerminal: true });
  expect(unknown).toEqual({ code: 64, out: "", err: "quater: Unknown flag --nams; did you mean --names?\n" });
  const asJson = await quater(["report", "make", "2024", "--zz", "a", "--json"]);
  expect(asJson.code).toBe(64);
  expect(JSON.parse(asJson.err)).toEqual({
    error: { code: "unknown_field", message: "Unknown flag --zz; --help lists the flags" },
  });
  expect((await quater(["report", "make", "--help"])).out).toContain("Usage  quater report make [year] [names] [flags]");
  expect(JSON.parse((await quater(["commands"])).out)).toEqual([{ command: "report make", description: "Makes a report." }]);
});

test.each<[string, number, string]>([
  ["300", 70, 'internal: The command "odd" returned 300, which is not an exit code\n'],
  ["-1", 70, 'internal: The command "odd" returned -1, which is not an exit code\n'],
  ['"text"', 70, 'internal: The command "odd" returned a value of type string, which is not an exit code\n'],
  ["255", 255, ""],
  ["undefined", 0, ""],
])("quater exits with the code for the returned value of a plugin command: %s gives %i", async (returned, code, said) => {
  const added = `{ path: ["odd"], description: "x", input: { type: "object" }, run: async () => (${returned}) }`;
  const { folder, remove } = project({
    "handlers.mjs": handlers,
    "quater.config.mjs": manifest("{}", `Object.assign(cli(), { commands: [${added}] })`),
  });
  try {
    const seen = await quater(["odd"], { cwd: folder, isTerminal: true });
    const hint = said === "" ? "" : "  Return an integer from 0 to 255 from the run function of the command, or return nothing\n";
    expect(seen).toEqual({ code, out: "", err: `${said}${hint}` });
  } finally {
    remove();
  }
});

test.each(["run", "help", "keys"])(
  "boot refuses a plugin command that begins with %s, because the quater program has this command",
  async (word) => {
    const added = `{ path: ["${word}", "x"], description: "x", input: { type: "object" }, run: () => 0 }`;
    const { code, err } = await serveWith(
      `Object.assign(cli(), { name: "p", exposure: [], surface: undefined, provides: [], setup: undefined, commands: [${added}] })`,
    );
    expect(code).toBe(78);
    expect(err).toContain(`The command "${word} x" of p begins with a word of the program itself`);
  },
);

test("quater keys works in a project that does not boot", async () => {
  const { folder, remove } = project({
    "handlers.mjs": handlers,
    "quater.config.mjs": manifest("{ open: { cli: true } }", "cli()"),
  });
  try {
    const made = await quater(["keys", "create", "--name", "ci", "--scopes", "a", "--scopes", "b"], { cwd: folder });
    expect(made).toMatchObject({ code: 0, err: "Created a key for ci. The key is shown only once:\n" });
    expect((await quater(["keys", "create", "--name", "ci"], { cwd: folder })).code).toBe(73);
  } finally {
    remove();
  }
});

describe("quater keys creates and revokes API keys", () => {
  const { folder, remove } = project({ "handlers.mjs": handlers, "quater.config.mjs": manifest("{}", "cli()") });
  afterAll(remove);
  const keys = (...words: string[]) => quater(["keys", ...words], { cwd: folder });
  const key = /^qk_[a-z2-7]{8}_[a-z2-7]{40}_[0-9a-f]{6}$/;

  test("quater keys create prints a new API key once, with its rights in JSON, and never prints its hash", async () => {
    const { out } = await keys("create", "--name", "plain", "--no-json");
    expect(out.trimEnd()).toMatch(key);
    const made = JSON.parse((await keys("create", "--name", "ana", "--scopes", "a", "--expires", "30d")).out);
    expect(made).toEqual({
      key: expect.stringMatching(key),
      id: made.key.slice(3, 11),
      name: "ana",
      kind: "service",
      scopes: ["a"],
      roles: [],
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
    });
    const rotated = JSON.parse((await keys("rotate", "ana", "--json")).out);
    expect(rotated).toMatchObject({ key: expect.stringMatching(key), name: "ana", scopes: ["a"], expiresAt: made.expiresAt });
    const listed = (await keys("list")).out;
    expect(JSON.parse(listed)).toContainEqual(expect.objectContaining({ id: rotated.id, state: "active" }));
    for (const secret of [made.key, rotated.key, "hash"]) expect(listed).not.toContain(secret);
  });

  test("quater keys revoke changes nothing and exits with 0 when the API key is already revoked", async () => {
    const { id } = JSON.parse((await keys("create", "--name", "gone")).out);
    const first = await keys("revoke", "gone");
    const { revokedAt } = JSON.parse(first.out);
    expect(first).toMatchObject({ code: 0, err: `Revoked ${id} (gone).\n` });
    for (const named of ["gone", id]) {
      const again = await keys("revoke", named);
      expect(again).toMatchObject({ code: 0, err: `${id} (gone) was already revoked at ${revokedAt}.\n` });
      expect(JSON.parse(again.out)).toMatchObject({ id, revokedAt });
    }
    // A living key of that name comes first.
    await keys("create", "--name", "gone");
    expect((await keys("revoke", "gone", "--no-json")).err).toMatch(/^Revoked \w{8} \(gone\)\.\n$/);
    expect(await keys("revoke", "nobody")).toMatchObject({ code: 66, err: 'not_found: key "nobody" was not found\n' });
  });

  test.each([
    [["create"], "--name is required: The name of the caller that uses the key"],
    [["revoke"], "--id is required: The id or the name of the key"],
    ...["30", "90m", "0d", "10000h", "30 d"].map((life): [string[], string] => [
      ["create", "--name", "a", "--expires", life],
      "--expires must be a number from 1 to 9999 and a unit, h (hours), d (days) or w (weeks): 12h, 30d, 4w",
    ]),
  ])("the error message of quater keys for %j contains flags and no field names", async (words, sentence) => {
    const { code, err } = await keys(...words);
    expect([code, err.split("\n")[0]]).toEqual([65, `invalid_input: ${sentence}`]);
  });

  test("quater keys exits with 64 for an unknown flag, even when the command line has other errors", async () => {
    expect(await keys("create", "--nmae", "a")).toMatchObject({
      code: 64,
      err: "quater: Unknown flag --nmae; did you mean --name?\n",
    });
  });
});

/** Boots `quater serve` with one more plugin. */
const serveWith = async (plugin: string, env = {}) => {
  const { folder, remove } = project({
    "handlers.mjs": handlers,
    "quater.config.mjs": manifest("{}", `cli(),\n    ${plugin}`),
  });
  try {
    return await quater(["serve"], { cwd: folder, isTerminal: true, env });
  } finally {
    remove();
  }
};

test.each(["setup", "start"])(
  "an error that a plugin throws in %s stops the boot, and the boot problem names the plugin, the message and the line",
  async (phase) => {
    const plugin = `Object.assign(cli(), { name: "slow", exposure: [], surface: undefined, provides: [], setup: undefined, ${phase}: async () => { throw new TypeError("\\u001b[31mno host"); } })`;
    const { code, err } = await serveWith(plugin, { QUATER_LOG: "warn" });
    expect(code).toBe(78);
    expect(err).toBe(`The project does not boot: 1 problem

  quater.config.mjs:9
    plugin  slow
    cause   The plugin slow failed in ${phase}: TypeError: \\u{1b}[31mno host
    remedy  Correct the code that threw this error. The log contains the stack of the error
`);
    expect((await serveWith(plugin)).err).toMatch(
      / info The plugin slow failed in \w+\n {2}TypeError: .*no host\n +at .*quater\.config\.mjs/,
    );
  },
);

test("after an error in Quater itself, the quater program prints a stack and exits with 70", async () => {
  const { code, err } = await serveWith(
    'Object.assign(cli(), { name: "odd", surface: undefined, exposure: [], check: () => { throw new TypeError("\\u001b[31mnot a problem"); } })',
  );
  expect(code).toBe(70);
  expect(err).toMatch(/^quater: unexpected failure\nTypeError: \\u\{1b\}\[31mnot a problem\n\s+at /);
});

test("the quater program prints colours only on terminals, and NO_COLOR turns the colours off", async () => {
  expect((await quater(["exposure"], { isTerminal: true, env: { NO_COLOR: "" } })).out).toContain("\u001b[1m");
  expect((await quater(["exposure"], { isTerminal: true })).out).not.toContain("\u001b");
  expect((await quater(["exposure", "--no-json"], { env: { NO_COLOR: "" } })).out).not.toContain("\u001b");
});

test("quater serve prints the exposed handlers with their URLs and the command lines that call them", async () => {
  const interrupt = new AbortController();
  const onError = (text: string) => text.includes("is ready") && interrupt.abort("SIGINT");
  const { code, out, err } = await quater(["serve"], { isTerminal: true, interrupt: interrupt.signal, onError });
  expect([code, out]).toEqual([0, ""]);
  expect(err).toContain("listOrders   GET /orders ");
  expect(err).toMatch(/shop is ready\n {2}HTTP {5}http:\/\/127\.0\.0\.1:\d+\n/);
  expect(err).toMatch(/\n {2}curl -H "Authorization: Bearer <key>" http:\/\/127\.0\.0\.1:\d+\/orders\n/);
  expect(err).toContain("The server stops after SIGINT");
});
