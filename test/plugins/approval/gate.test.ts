// The gate suite on manifests that are as they should be, and on those it needs help with.

import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  anyone,
  authenticated,
  authenticator,
  can,
  defineConfig,
  expose,
  type Handler,
  handler,
  hasRole,
  type Manifest,
  type Principal,
  policy,
  QuaterError,
  resource,
  stream,
  Type,
} from "quater";
import { type ConfiguredPlugin, definePlugin, exposureKey } from "quater/plugin-api";
import { apiKeys, approval, audit, cli, firstOf, http, localUser, mcp, store } from "quater/plugins";
import { bootTest, type GateReport, gateSuite, principal, tokens } from "quater/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { openKeys } from "../../../plugins/audit/log/keys.ts";
import { createKey } from "../../../plugins/auth/commands.ts";
import { fileRows } from "../../../plugins/gate-check/files.ts";
import shop from "../../../quater.config.ts";
import samples from "../../../quater.gate.json" with { type: "json" };
import { tempFolder } from "../audit/kit.ts";

const authenticate = () => undefined;

interface Given {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly expose: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly plugins?: readonly ConfiguredPlugin[];
}

const manifestOf = ({ handlers, expose: table, plugins = [cli({ authenticate })] }: Given): Manifest =>
  defineConfig({ name: "test", handlers: [exposed(handlers, table)], plugins });

const exposed = (handlers: Given["handlers"], table: Given["expose"]) =>
  expose(async () => handlers as Record<string, never>, table as never) as never;

const ran: string[] = [];
const write = (more: Partial<Parameters<typeof handler>[0]> = {}): Handler =>
  handler({
    description: "Change one thing.",
    effect: "write",
    input: Type.Object({ id: Type.String() }),
    auth: can("change"),
    handle: () => {
      ran.push("the real one");
      return "changed";
    },
    ...(more as object),
  }) as Handler;

const caseNames = (report: GateReport, handlerName: string, surface: string): string[] =>
  report.rows.filter((row) => row.handler === handlerName && row.surface === surface).map((row) => row.case);

describe("the gate suite checks the sample shop", () => {
  let report: GateReport;
  beforeAll(async () => {
    using folder = tempFolder(); // without the key files of this checkout
    report = await gateSuite(shop, { ...samples, root: folder.root });
  }, 180_000);

  test("the gate suite finds no hole in the sample shop", () => {
    expect(report.holes).toEqual([]);
    expect(report.isGreen).toBe(true);
  });

  test("the gate suite makes a correct call of every handler of the sample shop on every surface", async () => {
    using folder = tempFolder();
    await using app = await bootTest(shop, { start: false, root: folder.root });
    const wanted = app.catalog.operations.flatMap(({ name, surfaces }) => [...surfaces].map((surface) => `${name} ${surface}`));
    const through = report.rows.filter((row) => row.case === "all in order" && row.got === "ran");
    expect(through.map(({ handler, surface }) => `${handler} ${surface}`).sort()).toEqual(wanted.sort());
  });

  test("the gate suite tries every approval case on refundOrder", () => {
    for (const surface of ["http", "mcp", "cli"])
      expect(caseNames(report, "refundOrder", surface).sort()).toEqual(
        [
          "no credential",
          "another surface's",
          "missing right",
          "a plugin's no",
          "wrong type",
          "missing field",
          "unknown field",
          "unapproved",
          "changed",
          "replayed",
          "overtaken",
          "somebody else's",
          "self-approved",
          "denied",
          "expired",
          "all in order",
          "refusal named",
        ].sort(),
      );
  });

  test("the sample handler purgeOrders needs two approvers and is not exposed over MCP", () => {
    const [row] = report.rows.filter((each) => each.handler === "purgeOrders" && each.case === "unapproved");
    // The second: a request whose row says "approved" without the people's votes in the trail.
    const codes = "approval_required, approval_unproven";
    expect(row).toMatchObject({ expected: codes, got: codes, ok: true });
    expect(report.rows).toContainEqual({
      handler: "purgeOrders",
      surface: "mcp",
      case: "not exposed",
      expected: "unknown_handler",
      got: "unknown_handler",
      ok: true,
    });
  });

  test("docs/guides/approvals.md shows the matrix that the gate suite prints", () => {
    const page = readFileSync(new URL("../../../docs/guides/approvals.md", import.meta.url), "utf8");
    const [, section = ""] = page.split("## Proving the gate");
    const [, matrix = "", rest = ""] = /^```text\n([\s\S]*?)^```$([\s\S]*)/m.exec(section) ?? [];
    const printed = report.print().split("\n");
    const shown = matrix.trimEnd().split("\n");
    expect(shown.length).toBeGreaterThan(3);
    expect(printed.filter((line) => shown.includes(line))).toEqual(shown);
    const [table = ""] = /^\| case \|[\s\S]*?(?=\n\n)/m.exec(rest) ?? [];
    const cells = [...table.matchAll(/^\| ([^|]*) \|/gm)].slice(2).flatMap(([, cell = ""]) => cell.split(", "));
    const headings = printed.flatMap((line) => /^ ?\d+ {2}(\D.*)$/.exec(line)?.[1] ?? []);
    expect(cells).toEqual(headings);
  });

  test("the report of the gate suite contains a matrix of handlers and cases", () => {
    const text = report.print();
    expect(text).toMatch(/^refundOrder over http( +[✓·])+$/m);
    expect(text).toContain("all passed.");
    expect(text.split("✗")).toHaveLength(2); // in the legend
  });
});

describe("S21: the gate suite checks a policy that was written for another handler", () => {
  type Foreign = { readonly principal: Principal; readonly input: object; readonly orders?: unknown };
  const isOwner = ({ principal, input }: Foreign) =>
    principal.claims["customerId"] === (input as { readonly customerId?: string }).customerId;
  const hasOrders = ({ orders }: Foreign) => orders === undefined;
  const report = (auth: unknown) =>
    gateSuite(manifestOf({ handlers: { change: write({ auth: auth as never }) }, expose: { change: { cli: true } } }));

  test.each([
    ["alone", isOwner],
    ["in a list", [can("change"), isOwner]],
    ["as an alternative", { any: [hasRole("boss"), isOwner] }],
    ["in a named policy", policy({ name: "isOwner", needs: { id: Type.String() }, allow: isOwner })],
  ])("S21: the gate suite finds a policy that was written for another handler, %s", async (_, auth) => {
    expect((await report(auth)).holes).toContain(
      "The handler change, called over cli, has a policy that reads input.customerId, but the handler has no such input or resource",
    );
  });

  test("S21: the gate suite reports a policy that reads a resource that its handler does not use", async () => {
    expect((await report(hasOrders)).holes).toContain(
      "The handler change, called over cli, has a policy that reads the resource orders, but the handler has no such input or resource",
    );
  });

  test("the gate suite replaces the resources of named policies with stand-ins", async () => {
    let opened = 0;
    const orders = resource({ name: "orders", scope: "app", open: () => ({ has: () => ++opened > 0 }) });
    const isReal = policy({ name: "isReal", use: { orders }, allow: ({ orders }) => orders.has() });
    const { holes } = await report(isReal);
    expect(holes.join("; ")).toContain("orders");
    expect(opened).toBe(0);
  });

  test("S21: the gate suite reports no hole for a policy that reads only inputs and resources of its handler", async () => {
    const { rows } = await report(({ input }: { readonly input: { readonly id: string } }) => input.id !== "");
    expect(rows).toContainEqual(expect.objectContaining({ case: "a policy of its own", ok: true }));
  });
});

describe("S5: the gate suite checks a credential that is revoked while its call waits", () => {
  /** A surface of the project's own, without a transport. @param given  What it passes to the gate with each call. */
  const bus = definePlugin({ passesEntry: Type.Boolean() }, ({ passesEntry }) => ({
    name: "bus",
    exposure: [exposureKey("bus", Type.Boolean())],
    surface: { name: "bus", exposes: "Bus handlers", authenticate },
    setup: ({ gate }) => ({
      probe: async ({ handler, input, token }) => {
        const surface = "bus";
        const callId = gate.newCallId();
        const entry = { surface, callId, handler, credentials: { surface, token, isLocal: false } };
        try {
          const principal = await gate.enter(entry);
          const values = "json" in input ? (JSON.parse(input.json) as Record<string, unknown>) : input.text;
          const given = [{ from: "message", isText: false, values }];
          const outcome = await gate.invoke({ handler, surface, principal, given, callId, ...(passesEntry ? { entry } : {}) });
          if (outcome.ok) return { ok: true, value: outcome.value };
          return { ok: false, code: outcome.error.code, message: outcome.error.message, errors: [] };
        } catch (error) {
          const { code, message } = error as QuaterError;
          return { ok: false, code, message, errors: [] };
        }
      },
    }),
  }));
  const report = (passesEntry: boolean, plugins: readonly ConfiguredPlugin[] = []) =>
    gateSuite(
      manifestOf({
        handlers: { change: write() },
        expose: { change: { bus: true } },
        plugins: [bus({ passesEntry }), ...plugins],
      }),
    );

  test.each([
    ["alone", []],
    ["with a trail, on which the call is refused after its start", [store(), audit()]],
  ])("S5: the gate suite reports a surface plugin that passes no entry to the gate, %s", async (_, plugins) => {
    expect((await report(false, plugins)).holes).toEqual([
      "The handler change, called over bus, ran, although the caller's credential was revoked after the policy allowed the call and before the handler started. Pass entry to gate.invoke() in the plugin of bus",
    ]);
    const { rows, holes } = await report(true, plugins);
    expect(holes).toEqual([]);
    expect(rows).toContainEqual({
      ...{ handler: "change", surface: "bus", case: "revoked" },
      ...{ expected: "invalid_token", got: "invalid_token", ok: true },
    });
  });

  test.each([
    ["caches", false],
    ["asks again", true],
  ])(
    "S5: the gate suite tests an authenticator that %s with a token that is revoked while the call waits",
    async (_, heedsCheck) => {
      const known = new Map([["strong", principal({ scopes: ["change"] })]]);
      const cache = new Map<string, Principal>();
      const cached = authenticator({
        name: "cached",
        reads: { schemes: ["Bearer"] },
        authenticate: ({ token = "", isCheckedAgain = false }) => {
          const found = (isCheckedAgain && heedsCheck ? undefined : cache.get(token)) ?? known.get(token);
          if (found !== undefined) cache.set(token, found);
          return found;
        },
      });
      const { holes, rows } = await gateSuite(
        manifestOf({
          handlers: { change: write() },
          expose: { change: { http: "POST /change" } },
          plugins: [http({ authenticate: cached })],
        }),
        { tokens: { http: { allowed: "strong", revoke: () => void known.clear() } } },
      );
      const hole =
        "The handler change, called over http, ran, although the caller's token was revoked after the policy allowed the call and before the handler started. Do not use a cache in the authenticator of http when isCheckedAgain is true";
      expect(holes).toEqual(heedsCheck ? [] : [hole]);
      expect(rows).toContainEqual(expect.objectContaining({ case: "own door: revoked", ok: heedsCheck }));
    },
  );
});

describe("S20: the gate suite checks the name of the policy or plugin that refused a call", () => {
  const isOwner =
    (sentence: false | string) =>
    ({ principal }: { readonly principal: Principal }) =>
      principal.claims["owns"] === true || sentence;
  const report = (auth: unknown) => {
    const named = Object.defineProperty(auth as object, "name", { value: "isOwner" });
    const manifest = manifestOf({ handlers: { change: write({ auth: named as never }) }, expose: { change: { cli: true } } });
    return gateSuite(manifest, { principals: { change: { allowed: { claims: { owns: true } } } } });
  };

  test("S20: the gate suite accepts that the log names no policy when a resource refuses a call", async () => {
    const tenant = resource({
      name: "tenant",
      scope: "call",
      open: () => {
        throw new QuaterError({ code: "forbidden", kind: "forbidden", message: "Choose a tenant first" });
      },
    });
    const change = write({ use: { tenant }, handle: ({ tenant: found }: { tenant: unknown }) => found } as never);
    const manifest = manifestOf({ handlers: { change }, expose: { change: { cli: true } } });
    const { holes } = await gateSuite(manifest, { resources: "real" });
    expect(holes.filter((hole) => hole.includes("does not name"))).toEqual([]);
  });

  test("S20: the log names the plugin that refused a call, even when the verdict of its hook names no plugin", async () => {
    const nameless = definePlugin(() => ({ name: "nameless", hooks: { authorize: () => ({ allow: false }) as never } }));
    await using app = await bootTest({ handlers: { change: write({ auth: authenticated }) }, plugins: [nameless()] });
    expect(await app.as(principal()).call("change", { id: "a" })).toMatchObject({ error: { code: "forbidden" } });
    expect(app.log.map(({ message }) => message)).toContain("change was refused by nameless");
  });

  test("S20: the gate suite reports a policy whose name is in the answer to a refused caller", async () => {
    expect((await report(isOwner("isOwner says no"))).holes).toEqual([
      'The handler change, called over cli, sends the name of the policy that refused a call to the caller: "isOwner says no". Return false from the policy, or a reason without the word isOwner',
    ]);
  });

  test.each([false, "You are not the owner"] as const)(
    "S20: the gate suite accepts a policy that returns the reason %j",
    async (sentence) => {
      const { rows, holes } = await report(isOwner(sentence));
      expect(holes).toEqual([]);
      expect(rows).toContainEqual(expect.objectContaining({ case: "refusal named", got: "named only in the log", ok: true }));
    },
  );
});

describe("S13: the gate suite checks the key files of the project", () => {
  const oneWith = (...plugins: ConfiguredPlugin[]) =>
    manifestOf({ handlers: { change: write() }, expose: { change: { cli: true } }, plugins });
  const manifest = oneWith(cli({ authenticate: firstOf(localUser(), apiKeys()) }), store(), audit());
  const keyRows = (report: GateReport) =>
    report.rows.filter((row) => row.case === "key files").map(({ handler: file, ok }) => [file, ok]);
  const withKeys = async (change: (file: string) => void): Promise<GateReport> => {
    using folder = tempFolder();
    const file = join(folder.root, ".quater/keys.json");
    createKey(file, { name: "ana", kind: "user", person: "ana", scopes: [], roles: [] });
    openKeys(join(folder.root, ".quater/trail-keys.json"));
    change(file);
    const report = await gateSuite(manifest, { root: folder.root });
    return { ...report, holes: report.holes.map((hole) => hole.replaceAll(folder.root, ".")) };
  };

  test("S13: the report of the gate suite has a row for each correct key file", async () => {
    const report = await withKeys(() => {});
    expect(report.holes).toEqual([]);
    expect(keyRows(report)).toEqual([
      [".quater/keys.json", true],
      [".quater/trail-keys.json", true],
    ]);
    expect(report.print()).toMatch(/^\.quater\/keys\.json( +[✓·])+$/m);
  });

  test.each([
    [
      "that other users may read",
      (file: string) => chmodSync(join(file, "../trail-keys.json"), 0o644),
      "./.quater/trail-keys.json can be read by other users. Run `chmod 600 ./.quater/trail-keys.json`",
    ],
    [
      "in a folder that other users may write",
      (file: string) => chmodSync(join(file, ".."), 0o777),
      "./.quater/keys.json is in ./.quater, where other users can write (mode 777), so another user could change it. Run `chmod go-w ./.quater`",
    ],
    [
      "with a malformed date of expiry",
      (file: string) =>
        writeFileSync(file, readFileSync(file, "utf8").replace('"createdAt"', '"expiresAt": "31.12.2020", "createdAt"')),
      expect.stringMatching(
        /^\.\/\.quater\/keys\.json: the key \w+ at \/keys\/0 has an invalid value for expiresAt: "31\.12\.2020"\. Write the time in the form /,
      ),
    ],
  ])("S13: the gate suite reports a key file %s with a remedy", async (_, change, hole) => {
    const { holes, isGreen } = await withKeys(change);
    expect([holes, isGreen]).toEqual([expect.arrayContaining([hole]), false]);
  });

  test("S13: the gate suite reports a key file outside of .quater that other users can read, for every option that configures a key file", async () => {
    using folder = tempFolder();
    const open = (name: string): string => {
      const file = join(folder.root, name);
      createKey(file, { name: "ana", kind: "user", person: "ana", scopes: [], roles: [] });
      chmodSync(file, 0o666);
      return file;
    };
    const partner = open("keys/partner.json");
    for (const name of ["keys/api.json", "keys/approvers.json", "keys/plugin.json"]) open(name);
    openKeys(join(folder.root, "keys/trail.json"));
    chmodSync(join(folder.root, "keys/trail.json"), 0o666);
    const authenticate = authenticator({ name: "partner", secretFiles: [{ file: partner }], authenticate: () => undefined });
    const { holes, isGreen } = await gateSuite(
      oneWith(
        cli({ authenticate: firstOf(localUser(), firstOf(apiKeys({ file: "keys/api.json" })), authenticate) }),
        store(),
        audit({ keys: "keys/trail.json" }),
        approval({
          policies: { finance: { approvers: [{ role: "finance" }] } },
          authenticate: apiKeys({ file: "keys/approvers.json" }),
          sso: { personHeader: "x-person", secretHeader: "x-secret", secret: "s".repeat(40) },
        }),
        definePlugin(() => ({ name: "own", secretFiles: [{ file: "keys/plugin.json" }] }))(),
      ),
      { root: folder.root },
    );
    expect(isGreen).toBe(false);
    const wrong = (name: string) => {
      const file = join(folder.root, "keys", name);
      return `${file} can be read by other users. Run \`chmod 600 ${file}\``;
    };
    const names = ["api.json", "approvers.json", "partner.json", "plugin.json", "trail.json"];
    expect([...holes].sort()).toEqual(names.map(wrong).sort());
  });

  test("S13: the report of the gate suite has no row for files that the project does not use", async () => {
    const report = await withKeys((file) => {
      for (const name of ["monkeys", "turkey.json", "old-keys.json"]) writeFileSync(join(file, "..", name), "", { mode: 0o666 });
      mkdirSync(join(file, "../backup-keys"));
    });
    expect(report.holes).toEqual([]);
    expect(keyRows(report)).toEqual([
      [".quater/keys.json", true],
      [".quater/trail-keys.json", true],
    ]);
  });

  test("S13: the report of the gate suite has a row for each key file that quater dev makes", async () => {
    const report = await withKeys((file) => {
      for (const name of ["development-key", "demo-approver-key"]) writeFileSync(join(file, "..", name), "", { mode: 0o644 });
    });
    expect(keyRows(report).filter(([, ok]) => ok === false)).toEqual([
      [".quater/demo-approver-key", false],
      [".quater/development-key", false],
    ]);
  });

  test.each<[string, string, (folder: string) => void]>([
    ["is a symbolic link that leads to itself", "ELOOP", (folder) => symlinkSync("keys.json", join(folder, "keys.json"))],
    [
      "is under a file",
      "ENOTDIR",
      (folder) => {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, "");
      },
    ],
  ])("S13: the report of the gate suite has a row with an error text for a key file that %s", async (_, code, change) => {
    using folder = tempFolder();
    mkdirSync(join(folder.root, ".quater"), { mode: 0o700 });
    change(join(folder.root, ".quater"));
    const { holes, isGreen } = await gateSuite(manifest, { root: folder.root });
    expect(isGreen).toBe(false);
    const file = join(folder.root, ".quater/keys.json");
    expect(holes.find((hole) => hole.startsWith(file))).toMatch(
      code === "ELOOP" ? "is a symbolic link that leads to itself. Remove the symbolic link" : `could not be checked: ${code}`,
    );
  });

  test.runIf(process.getuid?.() === 0 && process.seteuid !== undefined).each([
    ["file", ".quater/keys.json"],
    ["folder", ".quater"],
  ])("S13: the report of the gate suite has a row with an error text for a key %s that cannot be read", (_, name) => {
    using folder = tempFolder();
    chmodSync(folder.root, 0o755);
    createKey(join(folder.root, ".quater/keys.json"), { name: "ana", kind: "user", person: "ana", scopes: [], roles: [] });
    if (name !== ".quater") chmodSync(join(folder.root, ".quater"), 0o755);
    let rows: ReturnType<typeof fileRows>;
    process.seteuid?.(12_345);
    try {
      rows = fileRows(manifest, folder.root);
    } finally {
      process.seteuid?.(0);
    }
    const hole = expect.stringMatching(/\.quater\/keys\.json could not be checked: EACCES: permission denied/);
    expect(rows.find(({ handler: file }) => file === ".quater/keys.json")).toMatchObject({ ok: false, hole });
  });

  test("S13: the gate suite fails for a project without exposed handlers, even when the project has correct key files", async () => {
    using folder = tempFolder();
    openKeys(join(folder.root, ".quater/trail-keys.json"));
    expect(await gateSuite(manifestOf({ handlers: {}, expose: {} }), { root: folder.root })).toMatchObject({ isGreen: false });
  });
});

describe("the gate suite needs sample inputs and principals from its caller", () => {
  const odd = write({ input: Type.Object({ code: Type.String({ pattern: "^(?=.*[0-9])[a-z0-9]{3}$" }) }) });
  const own = write({
    auth: ({ principal }: { principal: { claims: Readonly<Record<string, unknown>> } }) => principal.claims["team"] === 7,
  });
  const manifest = manifestOf({ handlers: { odd, own }, expose: { odd: { cli: true }, own: { cli: true } } });

  test("the gate suite names a missing sample input or principal, and the option for the sample", async () => {
    const { isGreen, holes } = await gateSuite(manifest);
    expect(isGreen).toBe(false);
    const why =
      "the suite cannot create an input from the schema (/code has the pattern ^(?=.*[0-9])[a-z0-9]{3}$, for which no text was found). Add an input to inputs.odd";
    expect(holes).toContain(`The handler odd, called over cli, could not be tested in the case "all in order": ${why}`);
    expect(holes).toContain(
      "The handler own, called over cli, did not run, although the caller was allowed and the input was valid: forbidden, the policy is a function, so the suite cannot guess an allowed principal. Write an allowed principal in principals.own.allowed",
    );
  });

  test("the gate suite uses the sample inputs and principals of its caller, and then finds no hole", async () => {
    const options = { inputs: { odd: { code: "a1b" } }, principals: { own: { allowed: { claims: { team: 7 } } } } };
    const report = await gateSuite(manifest, options);
    expect(report.holes).toEqual([]);
    expect(caseNames(report, "own", "cli")).toContain("missing right");
  });

  test("the gate suite refuses a sample input for an unknown handler", async () => {
    await expect(gateSuite(manifest, { inputs: { ood: {} } })).rejects.toThrow(
      "An option of the gate suite names the handler ood, but the manifest has no handler of this name. Correct the name",
    );
  });

  test("the gate suite reports a hole for a surface whose plugin has no probe", async () => {
    const mute = definePlugin(() => ({
      name: "mute",
      exposure: [exposureKey("mute", Type.Boolean())],
      surface: { name: "mute", exposes: "Nothing", authenticate },
    }));
    const report = await gateSuite(
      manifestOf({ handlers: { change: write() }, expose: { change: { mute: true } }, plugins: [mute()] }),
    );
    expect(report).toMatchObject({
      isGreen: false,
      holes: ["The handler change, called over mute, could not be tested, because the plugin of mute has no probe"],
    });
  });

  test("the gate suite fails for a project without exposed handlers", async () => {
    expect((await gateSuite(manifestOf({ handlers: {}, expose: {} }))).isGreen).toBe(false);
  });
});

describe("the gate suite runs stand-ins or real handlers", () => {
  const opened: string[] = [];
  const database = resource({
    name: "database",
    scope: "app",
    open: () => {
      opened.push("database");
      return { isOpen: true };
    },
  });
  const manifest = manifestOf({
    handlers: { change: write({ use: { database } }) },
    expose: { change: { cli: true } },
  });

  test("the gate suite runs stand-ins in place of handlers and resources", async () => {
    ran.splice(0);
    expect((await gateSuite(manifest)).holes).toEqual([]);
    expect([ran, opened]).toEqual([[], []]);
  });

  test("with real: true, the gate suite runs each real handler once", async () => {
    ran.splice(0);
    expect((await gateSuite(manifest, { handlers: "real" })).holes).toEqual([]);
    expect([ran, opened]).toEqual([["the real one"], ["database"]]);
  });

  test("the gate suite uses a temporary store and not the store of the project", async () => {
    using folder = tempFolder();
    const { root } = folder;
    const plugins = [
      cli({ authenticate }),
      store({ url: `file:${join(root, "kept.db")}` }),
      audit({ keys: join(root, "keys.json"), sinks: [{ file: join(root, "sink.jsonl") }] }),
    ];
    const report = await gateSuite(manifestOf({ handlers: { change: write() }, expose: { change: { cli: true } }, plugins }));
    expect(report.holes).toEqual([]);
    expect(readdirSync(root)).toEqual([]);
  });

  test("the gate suite removes its temporary files at the end", async () => {
    using folder = tempFolder();
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder.root;
    try {
      const plugins = [cli({ authenticate }), store(), audit()];
      await gateSuite(manifestOf({ handlers: { change: write() }, expose: { change: { cli: true } }, plugins }));
      expect(readdirSync(folder.root).filter((name) => name.startsWith("quater"))).toEqual([]);
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });

  test("the gate suite sends no notices about approval requests", async () => {
    const told: unknown[] = [];
    const plugins = [
      cli({ authenticate }),
      store(),
      audit(),
      approval({
        authenticate,
        notify: (notice) => void told.push(notice),
        policies: { two: { approvers: [{ role: "boss", need: 2 }] } },
      }),
    ];
    const report = await gateSuite(
      manifestOf({ handlers: { change: write() }, expose: { change: { cli: true, approval: "two" } }, plugins }),
    );
    expect(report.holes).toEqual([]);
    expect(told).toEqual([]);
  });
});

describe("the gate suite checks a policy that reads a resource", () => {
  const opened: string[] = [];
  const members = resource({
    name: "members",
    scope: "app",
    open: () => {
      opened.push("members");
      return { ownerOf: (id: string) => (id === "sample" ? "nobody" : undefined) };
    },
  });
  type Asked = { readonly members: { ownerOf(id: string): string | undefined }; readonly input: { readonly id: string } };
  const owns = ({ members: known, input: { id }, principal: { subject } }: Asked & { principal: Principal }) =>
    known.ownerOf(id) === subject;
  const manifestWith = (auth: unknown) =>
    manifestOf({ handlers: { change: write({ use: { members }, auth: auth as never }) }, expose: { change: { cli: true } } });
  const unjudged =
    'The handler change, called over cli, could not be tested in the case "missing right": the policy reads members, but the suite opens no resources. To open the resources of the project, use --real-resources, or resources: "real" in a test. The suite then opens resources, but still runs no handler';

  test("without real resources, the report of the gate suite names a remedy for a policy that reads a resource", async () => {
    const report = await gateSuite(manifestWith({ any: [hasRole("staff"), owns] }));
    expect([report.isGreen, report.holes, opened]).toEqual([false, [unjudged], []]);
  });

  test("the gate suite fails for a policy that refuses a call because its resource failed", async () => {
    const trusting = (call: never) => {
      try {
        return owns(call);
      } catch {
        return false;
      }
    };
    expect((await gateSuite(manifestWith({ any: [hasRole("staff"), trusting] }))).holes).toEqual([unjudged]);
  });

  test("with --real-resources, the gate suite tests a policy with the real resource, and runs no handler", async () => {
    ran.splice(0);
    const report = await gateSuite(manifestWith({ any: [hasRole("staff"), owns] }), { resources: "real" });
    expect([report.holes, report.isGreen, ran, opened]).toEqual([[], true, [], ["members"]]);
  });

  test("the gate suite reports a policy that throws, and the report contains the error", async () => {
    const broken = () => {
      throw new TypeError("no such column: ownr");
    };
    expect((await gateSuite(manifestWith({ any: [hasRole("staff"), broken] }), { resources: "real" })).holes).toEqual([
      "The handler change, called over cli, ended with internal instead of forbidden or missing_role or unknown_handler in the test for a handler that ran for a principal that the policy refuses: TypeError: no such column: ownr",
    ]);
  });
});

test("the gate suite has cases for every kind of policy, input and surface", async () => {
  const input = Type.Object({
    id: Type.String({ format: "uuid" }),
    kind: Type.Union([Type.Literal("a"), Type.Literal("b")]),
    tags: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    limit: Type.Integer({ minimum: 10, multipleOf: 5, default: 20 }),
  });
  const output = Type.Object({ id: Type.String({ format: "uuid" }) });
  const report = await gateSuite(
    manifestOf({
      handlers: {
        both: write({ auth: [can("a"), hasRole("b")], input, output }),
        either: write({ auth: { any: [can("a"), hasRole("b")] }, input }),
        anybody: write({ auth: authenticated, input: Type.Object({}) }),
        open: write({ auth: anyone, effect: "read", input: Type.Object({}) }),
        items: write({ effect: "read", output: stream(output), async *handle() {} } as never),
        nested: write({
          input: Type.Object({
            lines: Type.Array(Type.Object({ sku: Type.String(), price: Type.Number({ exclusiveMinimum: 0 }) }), { minItems: 1 }),
          }),
        }),
      },
      expose: {
        both: { http: "PUT /both/:id", mcp: true, cli: true },
        either: { http: "POST /either", mcp: true, cli: true },
        anybody: { http: "POST /anybody", mcp: true, cli: true },
        open: { http: "GET /open", public: true },
        items: { http: "GET /items/:id", mcp: true, cli: true },
        nested: { http: "POST /nested", mcp: true, cli: true },
      },
      plugins: [http({ authenticate }), mcp({ authenticate }), cli({ authenticate })],
    }),
  );
  expect(report.holes).toEqual([]);
  const right = ["another surface's", "missing right", "a plugin's no"];
  for (const surface of ["http", "mcp", "cli"]) {
    expect(caseNames(report, "both", surface)).toEqual([
      "no credential",
      ...right,
      "wrong type",
      "missing field",
      "unknown field",
      "all in order",
      "revoked", // of one handler on each surface
      "refusal named",
    ]);
    expect(caseNames(report, "anybody", surface)).toEqual([
      "no credential",
      "another surface's",
      "a plugin's no",
      "unknown field",
      "all in order",
      "refusal named",
    ]);
  }
  expect(caseNames(report, "open", "http")).toEqual(["another surface's", "unknown field", "all in order"]);
  expect(caseNames(report, "open", "mcp")).toEqual(["not exposed"]);
});

describe("the gate suite accepts tokens of its caller", () => {
  const own = { strong: principal({ scopes: ["change"] }), weak: principal({ subject: "weak" }) };
  const manifest = (elsewhere: Readonly<Record<string, Principal>> = {}) =>
    manifestOf({
      handlers: { change: write() },
      expose: { change: { http: "POST /change", cli: true } },
      plugins: [http({ authenticate: tokens(own) }), cli({ authenticate: tokens({ local: own.strong, ...elsewhere }) })],
    });
  const given = {
    http: { allowed: "strong", refused: "weak" },
    cli: { allowed: "local", elsewhere: "strong" },
  };

  test("with tokens of its caller, the gate suite uses the authenticators of the project", async () => {
    const report = await gateSuite(manifest(), { tokens: given });
    expect(report.holes).toEqual([]);
    const asked = report.rows.filter((row) => row.case.startsWith("own door"));
    expect(asked.map((row) => `${row.surface} ${row.case}: ${row.got}`)).toEqual([
      "http own door: none: unauthenticated",
      "http own door: unknown: invalid_token",
      "http own door: refused: missing_scope",
      "http own door: allowed: ran",
      "cli own door: none: unauthenticated",
      "cli own door: unknown: invalid_token",
      "cli own door: allowed: ran",
    ]);
  });

  test("the gate suite reports a token that two surfaces accept", async () => {
    const { holes } = await gateSuite(manifest({ strong: own.strong }), { tokens: given });
    expect(holes).toEqual([
      "The handler change, called over cli, ran with an unknown token, and the suite used the authenticator of the project",
    ]);
  });

  test("the gate suite refuses tokens for an unknown surface", async () => {
    await expect(gateSuite(manifest(), { tokens: { htpp: { allowed: "x" } } })).rejects.toThrow(
      "The option tokens of the gate suite names htpp, but no handler is exposed over htpp. Remove these tokens",
    );
  });
});

test("when an exposure needs approval on one surface, the gate suite tests approvals only on this surface", async () => {
  const plugins = [
    http({ authenticate }),
    mcp({ authenticate }),
    store(),
    audit(),
    approval({
      authenticate,
      policies: {
        named: { approvers: [{ person: "maria" }, { role: "boss" }], usableForMs: 60_000 },
        confirmed: { approvers: [{ role: "owner" }], kind: "confirm", anySurface: true },
      },
    }),
  ];
  const report = await gateSuite(
    manifestOf({
      handlers: { change: write(), remove: write({ effect: "destructive" }) },
      expose: {
        change: { http: "POST /change", mcp: true, approval: { policy: "named", surfaces: ["mcp"] } },
        remove: { http: "POST /remove", mcp: true, approval: "confirmed" },
      },
      plugins,
    }),
  );
  expect(report.holes).toEqual([]);
  expect(caseNames(report, "change", "mcp")).toContain("self-approved");
  expect(caseNames(report, "change", "http")).not.toContain("unapproved");
  expect(caseNames(report, "remove", "http")).toContain("somebody else's");
});
