import { anyone, authenticated, can, expose, handler, secret, Type } from "quater";
import { definePlugin, exposureKey, isBootError, opaque, type PluginContext, serviceRef } from "quater/plugin-api";
import { bootTest, direct, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { createKernel } from "../../core/boot/kernel.ts";
import { defineConfig } from "../../core/boot/manifest.ts";

const parts = { description: "Does it.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => null } as const;
const good = handler(parts);
/** What TypeScript would refuse, and JavaScript can do. */
const wrong = (over: object) => handler({ ...parts, ...over } as never);

const problemsOf = async (boot: () => Promise<unknown>): Promise<readonly string[]> => {
  try {
    await boot();
  } catch (error) {
    if (!isBootError(error)) throw error;
    return error.problems.map(({ cause, remedy }) => `${cause}. ${remedy}`);
  }
  return [];
};

/** A surface that opens to the public, as a made-up one would. */
const radio = definePlugin({ authenticate: Type.Optional(opaque<() => undefined>("a function")) }, ({ authenticate }) => ({
  name: "radio",
  exposure: [
    exposureKey("radio", Type.Union([Type.Boolean(), Type.String({ pattern: "^[a-z]+$" })])),
    exposureKey("public", Type.Boolean(), { means: "public" }),
    exposureKey("approval", Type.String(), { means: "approval" }),
  ],
  surface: { name: "radio", exposes: "Radio programmes", opensToPublic: true, authenticate },
}));
const seen = (): undefined => undefined;
const one =
  (table: object, value: unknown = good) =>
  () =>
    bootTest({
      handlers: { greet: value as never },
      expose: { greet: table as never },
      plugins: [radio({ authenticate: seen })],
    });

describe("boot reports one problem as one sentence with its remedy", () => {
  test.each<[string, () => Promise<unknown>, string]>([
    [
      "an unknown exposure key",
      one({ radoi: true }),
      'The exposure of greet has the key "radoi", but no configured plugin accepts this key. Did you mean "radio"?',
    ],
    [
      "an exposure key whose plugin is not configured",
      one({ teleprinter: true }),
      'The exposure of greet has the key "teleprinter", but no configured plugin accepts this key. Add the plugin that accepts the key to plugins, such as teleprinter(), or remove the key from the exposure',
    ],
    [
      "a wrong value of an exposure key",
      one({ radio: 5 }),
      "The exposure of greet is invalid: radio must be true or false or a string. Write a value of radio that the documentation of its plugin allows",
    ],
    [
      "a wrong value of an exposure key that core owns",
      one({ radio: true, preview: "all" }),
      'The exposure of greet has an invalid value for preview. The only allowed value is "caller". Write preview: "caller" to show previews to callers, too. Or remove preview from the exposure, so that only approvers see previews',
    ],
    [
      "a malformed handler name",
      one({ radio: true, name: "9lives" }),
      '"9lives" is not a valid handler name. Choose a handler name that begins with a letter and has at most 64 letters, digits, - and _',
    ],
    [
      "a handler name that contains terminal control characters",
      one({ radio: true, name: "a\u001b[2J" }),
      '"a\\u{1b}[2J" is not a valid handler name. Choose a handler name that begins with a letter and has at most 64 letters, digits, - and _',
    ],
    [
      "a handler without auth",
      one({ radio: true }, wrong({ auth: undefined })),
      'The handler greet has no auth. Add auth: anyone, authenticated, can("scope"), hasRole("role"), a function or a list',
    ],
    [
      "a handler with an empty list of policies",
      one({ radio: true }, wrong({ auth: [] })),
      'The handler greet has an empty auth list. Add auth: anyone, authenticated, can("scope"), hasRole("role"), a function or a list',
    ],
    [
      "a handler whose auth is not a policy",
      one({ radio: true }, wrong({ auth: ["admin"] })),
      'The handler greet has a value in auth that is not a policy. Add auth: anyone, authenticated, can("scope"), hasRole("role"), a function or a list',
    ],
    [
      "a handler with an unknown effect",
      one({ radio: true }, wrong({ effect: "delete" })),
      'The handler greet has an invalid effect: "delete". Write "read", "write" or "destructive" as effect',
    ],
    [
      "a handler without a description",
      one({ radio: true }, wrong({ description: " " })),
      'The handler greet has no description. Add description: "...", one sentence that says what the handler does. Agents choose tools by their descriptions',
    ],
    [
      "a handler with too long a description",
      one({ radio: true }, wrong({ description: "x".repeat(1001) })),
      "The handler greet has a description of 1001 characters. Shorten the description of the handler to at most 1,000 characters",
    ],
    [
      "a description with invisible characters",
      one({ radio: true }, wrong({ description: "Reads.\u{e0041}" })),
      "The handler greet has a description with control or invisible characters. Write the description of the handler as one line of printable text",
    ],
    [
      "an input schema that is not an object",
      one({ radio: true }, wrong({ input: Type.String() })),
      "The handler greet has an input schema that is not an object. Wrap the input schema in an object: Type.Object({ ... })",
    ],
    [
      "an input schema that accepts any value",
      one({ radio: true }, wrong({ input: true })),
      "The handler greet has an input schema that is not an object. Wrap the input schema in an object: Type.Object({ ... })",
    ],
    [
      "a schema with a rule that Quater cannot enforce",
      one({ radio: true }, wrong({ input: Type.Object({ n: Type.BigInt() }) })),
      'The handler greet has an input schema in which /properties/n has the unknown type "bigint". Use Type.Integer(), or Type.String() for integers beyond 2^53',
    ],
    [
      "a secret field in an output",
      one({ radio: true }, wrong({ output: Type.Object({ key: secret(Type.String()) }) })),
      "The handler greet has a secret() field in its output. Remove the secret field from the output schema, or set reveal: true in the handler",
    ],
    [
      "a problem whose code is malformed",
      one({ radio: true }, wrong({ problems: ["Not A Code!"] })),
      'The handler greet declares the problem "Not A Code!", which is not a valid error code. Use only lower-case letters, digits and _ in the error code, such as order_not_paid',
    ],
    [
      "a resource with a reserved name",
      one({ radio: true }, wrong({ use: { principal: {} } })),
      'The handler greet has a resource with the name "principal" in use, but Quater itself uses this name. Choose another name for the resource in use',
    ],
    [
      "a listed export that is not a handler",
      one({ radio: true }, () => null),
      "The manifest exposes greet, but the export greet of a module is not a handler. Export a handler from a module: export const greet = handler({ ... })",
    ],
    [
      "an export of the wrong kind",
      () => bootTest({ handlers: { listOrders: good }, expose: { listOrder: { direct: true } } }),
      "The manifest exposes listOrder, but no export of a module has this name. Did you mean listOrders?",
    ],
    [
      "public: true on a handler that requires rights",
      one({ radio: true, public: true }, handler({ ...parts, auth: can("x") })),
      "The handler greet is exposed with public: true, but its policy is can(x). Remove public: true from the exposure, or set auth: anyone in the handler",
    ],
    [
      "public: true without a surface that can be public",
      one({ direct: true, public: true }),
      "The handler greet is exposed with public: true, but none of its surfaces supports public handlers. Expose greet over radio, or remove public: true from the exposure",
    ],
    [
      "public: true together with approval",
      one({ radio: true, public: true, approval: "finance" }),
      "The handler greet is exposed with public: true and with approval. Remove public: true or approval from the exposure. A public call has no principal, so approvers could not see the requester",
    ],
    [
      "an exposed handler on a surface without authenticate",
      () => bootTest({ handlers: { greet: good }, expose: { greet: { radio: true } }, plugins: [radio()] }),
      "Radio programmes are exposed, but the plugin radio() has no authenticate option. Add the option to the plugin, for example radio({ authenticate: apiKeys() })",
    ],
    [
      "a plugin factory that was not called",
      () => bootTest({ handlers: {}, plugins: [radio as never] }),
      "plugins[0] is a function that was not called. Call the function: name()",
    ],
    [
      "a value in plugins that is not a plugin",
      () => bootTest({ handlers: {}, plugins: [{ name: "x" } as never] }),
      "plugins[0] is an object, not a plugin. Create the plugin with definePlugin",
    ],
    [
      "the same plugin configured twice",
      () => bootTest({ handlers: {}, plugins: [radio(), radio()] }),
      "The plugin radio is configured twice. Remove one of the two entries of radio from plugins",
    ],
    [
      "a service that no plugin provides",
      () => bootTest({ handlers: {}, plugins: [definePlugin(() => ({ name: "audit", needs: [serviceRef("store")] }))()] }),
      "The plugin audit needs store, which no configured plugin provides. Add store() to plugins",
    ],
  ])("boot reports %s in one sentence with a remedy", async (_name, boot, problem) =>
    expect(await problemsOf(boot)).toEqual([problem]),
  );

  test.each(["greet", "Greet", "gr-eet", "g_reet"])(
    "boot refuses a handler with the name greet together with a handler with the name %s",
    async (name) => {
      const problems = await problemsOf(() =>
        bootTest({ handlers: { greet: good, other: good }, expose: { greet: { direct: true }, other: { direct: true, name } } }),
      );
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(`Two handlers are named ${name}`);
    },
  );

  test("boot refuses plugins that need each other in a circle", async () => {
    const [a, b] = [serviceRef("a"), serviceRef("b")];
    const plugins = [
      definePlugin(() => ({ name: "one", provides: [a], needs: [b] }))(),
      definePlugin(() => ({ name: "two", provides: [b], needs: [a] }))(),
    ];
    expect(await problemsOf(() => bootTest({ handlers: {}, plugins }))).toEqual([
      "Plugins need each other in a circle: one -> two -> one. Remove one service from needs of one plugin in this circle",
    ]);
  });

  test.each([
    ["exposure key", { exposure: [exposureKey("x", Type.String())] }],
    ["service", { provides: [serviceRef("x")] }],
    ["surface", { surface: { name: "x", exposes: "X" } }],
  ])("boot refuses two plugins that define the same %s", async (what, owned) => {
    const plugins = ["one", "two"].map((name) => definePlugin(() => ({ name, ...owned }))());
    expect(await problemsOf(() => bootTest({ handlers: {}, plugins }))).toEqual([
      `The ${what} x belongs to two plugins: one and two. Remove one of these two plugins from plugins in the manifest`,
    ]);
  });

  test("boot refuses an entry of handlers that was not made by expose()", async () => {
    const manifest = defineConfig({ name: "x", handlers: [undefined as never, {} as never], plugins: [] });
    expect(await problemsOf(() => bootTest(manifest))).toHaveLength(2);
  });
});

test("boot reports all problems at once, before boot sets up or starts a plugin or opens a resource", async () => {
  const happened: string[] = [];
  const witness = definePlugin(() => ({
    name: "witness",
    setup: () => void happened.push("setup"),
    start: () => void happened.push("start"),
  }));
  const checks = definePlugin(() => ({
    name: "checks",
    check: () => [{ place: "x", cause: "a port of 0", remedy: "Choose one" }],
  }));
  const problems = await problemsOf(() =>
    bootTest({
      handlers: { a: wrong({ auth: undefined, effect: "x" }), b: good },
      expose: { a: { radio: true }, b: { rradio: true }, c: { radio: 7 } },
      plugins: [witness(), radio(), checks(), radio as never],
    }),
  );
  const expected = [
    "a has no auth",
    'invalid effect: "x"',
    '"rradio"',
    "The manifest exposes c, but no export",
    "radio must be",
    "but the plugin radio() has no authenticate option",
    "a port of 0",
    "was not called",
  ];
  for (const part of expected)
    expect(
      problems.filter((problem) => problem.includes(part)),
      part,
    ).toHaveLength(1);
  expect(problems).toHaveLength(expected.length);
  expect(happened).toEqual([]);
});

test("boot accepts a surface without an authenticator if the surface has only public handlers", async () => {
  const manifest = defineConfig({
    name: "x",
    handlers: ["a", "b"].map((name) =>
      expose(async () => ({ [name]: good }) as never, { [name]: { radio: true, public: true } } as never),
    ),
    plugins: [radio()],
  });
  const loaded = { manifest, file: "quater.config.ts", root: ".", placeOf: () => "quater.config.ts" };
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  await using kernel = await createKernel({ loaded, mode: "test", log, only: "a" });
  expect(kernel.catalog.operations.map(({ name }) => name)).toEqual(["a"]);
});

test("a caller cannot call a handler that the manifest does not list", async () => {
  await using app = await bootTest({ handlers: { listed: good, unlisted: good }, expose: { listed: { direct: true } } });
  expect(app.catalog.declared).toEqual([{ name: "unlisted", module: "a module" }]);
  expect(await app.as(principal()).send("unlisted")).toMatchObject({ ok: false, error: { code: "unknown_handler" } });
});

describe("the kernel starts and stops plugins", () => {
  const witness = (happened: string[], name: string, more: object = {}) =>
    definePlugin(() => ({
      name,
      setup: () => void happened.push(`setup ${name}`),
      start: () => void happened.push(`start ${name}`),
      stop: () => void happened.push(`stop ${name}`),
      ...more,
    }))();

  test("boot sets up each plugin after the plugins whose services the plugin needs, and stops each plugin once, in reverse order", async () => {
    const happened: string[] = [];
    const store = serviceRef("store");
    const storing = witness(happened, "store", {
      provides: [store],
      setup: ({ services }: PluginContext) => {
        happened.push("setup store");
        services.provide(store, {});
      },
    });
    const app = await bootTest({
      handlers: {},
      plugins: [witness(happened, "audit", { needs: [store] }), storing],
    });
    await Promise.all([app.stop(), app.stop()]);
    await app.stop();
    expect(happened).toEqual(["setup store", "setup audit", "start store", "start audit", "stop audit", "stop store"]);
  });

  test("the boot problem for a missing service names the plugin that declared the service and did not provide it", async () => {
    const store = serviceRef("store");
    const happened: string[] = [];
    const relying = witness(happened, "audit", {
      needs: [store],
      setup: ({ services }: PluginContext) => void services.get(store),
    });
    expect(
      await problemsOf(() => bootTest({ handlers: {}, plugins: [relying, witness(happened, "store", { provides: [store] })] })),
    ).toEqual([
      "The plugin store lists the service store in provides, but its setup function did not provide this service. Call services.provide for store in the setup function of the plugin, or remove store from provides",
    ]);
    expect(happened).toEqual(["setup store", "stop store"]);
  });

  test("boot accepts a missing service if no plugin needs the service", async () => {
    const store = serviceRef("store");
    const curious = witness([], "curious", { wants: [store] });
    await using app = await bootTest({ handlers: {}, plugins: [curious, witness([], "store", { provides: [store] })] });
    expect(app.services.find(store)).toBeUndefined();
  });

  test("boot refuses an authenticator without an authenticate function", async () => {
    const { authenticator } = await import("quater");
    const asking = authenticator({ name: "keys" } as never);
    expect(await problemsOf(() => bootTest({ handlers: {}, plugins: [direct({ authenticate: asking })] }))).toEqual([
      "The authenticator keys has no authenticate function. Write an authenticate function that takes credentials and returns a principal or undefined",
    ]);
  });

  test("when one plugin fails to start, the kernel stops the plugins that have already started", async () => {
    const happened: string[] = [];
    const failing = witness(happened, "second", { start: () => Promise.reject(new Error("port in use")) });
    await expect(bootTest({ handlers: {}, plugins: [witness(happened, "first"), failing] })).rejects.toThrow("port in use");
    expect(happened).toEqual(["setup first", "setup second", "start first", "stop second", "stop first"]);
  });

  test("when one plugin fails to stop, the kernel still stops the other plugins", async () => {
    const happened: string[] = [];
    const failing = witness(happened, "second", { stop: () => Promise.reject(new Error("stuck")) });
    const app = await bootTest({ handlers: {}, plugins: [witness(happened, "first"), failing] });
    await app.stop();
    expect(happened).toContain("stop first");
    expect(app.log).toMatchObject([{ level: "error", message: "Plugin second failed to stop" }]);
  });

  test("the kernel opens and closes an authenticator once, even when two surfaces share the authenticator", async () => {
    const { authenticator } = await import("quater");
    const happened: string[] = [];
    const shared = authenticator({
      name: "keys",
      authenticate: () => undefined,
      open: () => void happened.push("open"),
      close: () => void happened.push("close"),
    });
    const app = await bootTest({
      handlers: {},
      plugins: [direct({ authenticate: shared }), radio({ authenticate: shared as never })],
    });
    await app.stop();
    expect(happened).toEqual(["open", "close"]);
  });

  test("stopping the app refuses new calls and waits for running calls", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = handler({ ...parts, auth: authenticated, handle: () => held.then(() => "done") });
    const happened: string[] = [];
    const app = await bootTest({ handlers: { slow }, plugins: [witness(happened, "store")] });
    const call = app.as(principal()).call("slow");
    const stopped = app.stop();
    expect(await app.as(principal()).call("slow")).toMatchObject({ ok: false, error: { code: "stopping", kind: "unavailable" } });
    expect(happened).not.toContain("stop store");
    release();
    expect(await call).toMatchObject({ ok: true, value: "done" });
    await stopped;
    expect(happened).toContain("stop store");
  });

  test("stopping the app cancels calls that do not end within drainMs, also calls that share a cancellation", async () => {
    const { Cancellation } = await import("quater/plugin-api");
    const aborted = (signal: AbortSignal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const endless = handler({ ...parts, handle: (_, { signal }) => aborted(signal) });
    const changes = handler({ ...parts, effect: "write", handle: (_, { signal }) => aborted(signal) });
    const app = await bootTest({ handlers: { endless, changes, quick: good }, drainMs: 20 });
    const cancellation = new Cancellation();
    const call = app.as(principal()).call("endless", {}, { cancellation });
    const change = app.as(principal()).call("changes");
    await app.as(principal()).call("quick", {}, { cancellation });
    await app.stop();
    // The code is not "cancelled", because the caller did not cancel the call. A caller can safely repeat a read, but a write may
    // have taken effect.
    expect(await call).toMatchObject({ ok: false, error: { code: "stopping", kind: "unavailable" } });
    expect(await change).toMatchObject({ ok: false, error: { code: "outcome_unknown", kind: "outcome_unknown" } });
  });
});
