import { anyone, can, handler, Type, unavailable } from "quater";
import { definePlugin, type Hooks } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { hookKinds } from "../../core/plugin/hooks.ts";
import { kernelOf } from "../../core/testing/kernel-of.ts";

const plugin = (name: string, hooks: Hooks) => definePlugin(() => ({ name, hooks }))();
const allow = (by: string) => ({ allow: true as const, by });
const refuse = (by: string, reason?: string) => ({ allow: false as const, by, ...(reason === undefined ? {} : { reason }) });

/** Notes that something happened, and answers. */
const noting = <Note, Answer>(happened: Note[], note: Note, answer: Answer): Answer => {
  happened.push(note);
  return answer;
};

/** Calls one handler under these plugins and tells the outcome and what happened, in order. */
const callUnder = async (
  happened: string[],
  plugins: ReturnType<typeof plugin>[],
  how: { dryRun?: boolean; handle?: () => unknown } = {},
) => {
  const pay = handler({
    description: "Pays.",
    effect: "write",
    input: Type.Object({}),
    auth: anyone,
    handle: () => {
      happened.push("handle");
      return how.handle?.() ?? "paid";
    },
  });
  await using app = await bootTest({ handlers: { pay }, plugins });
  const outcome = await app.as(principal()).call("pay", {}, { dryRun: how.dryRun ?? false });
  return { outcome, log: app.log };
};

test("the table hookKinds of core has an entry for every hook of plugins", () => {
  expect(hookKinds).toEqual({
    authorize: "every",
    admit: "every",
    approve: "every",
    forecast: "first",
    foresee: "first",
    hold: "every",
    around: "around",
    settled: "observe",
  });
});

describe("all hooks of the kind every must allow a call", () => {
  test.each(["authorize", "admit", "approve"] as const)(
    "the %s hooks of all plugins must allow a call, and the first refusal by a hook ends the call",
    async (name) => {
      const happened: string[] = [];
      const asking = (by: string, answer: object) => plugin(by, { [name]: () => noting(happened, by, answer) });
      const { outcome } = await callUnder(happened, [
        asking("a", allow("a")),
        asking("b", refuse("b", "not on Sundays")),
        asking("c", allow("c")),
      ]);
      expect(outcome).toMatchObject({
        ok: false,
        error: { kind: name === "approve" ? "approval_refused" : "forbidden", message: "not on Sundays" },
      });
      expect(happened).toEqual(["a", "b"]);
    },
  );

  const noYes: [string, unknown][] = [
    ["nothing", undefined],
    ["null", null],
    ["a word", { allow: "yes" }],
    ["a number", { allow: 1 }],
    ["an empty object", {}],
  ];
  test.each(["authorize", "admit", "approve"] as const)(
    "the gate refuses a call when the hook %s returns no verdict or a malformed verdict",
    async (name) => {
      for (const [what, answer] of noYes) {
        const happened: string[] = [];
        const { outcome } = await callUnder(happened, [plugin("a", { [name]: () => answer })]);
        expect({ what, ok: outcome.ok, happened }).toEqual({ what, ok: false, happened: [] });
      }
    },
  );

  test.each<[string, unknown, string]>([
    ["nothing", undefined, "undefined"],
    ["a number", 1, "a number"],
    ["a list", ["a secret"], "a list"],
    ["a word", { allow: "yes", because: "a secret" }, "{ allow: a string, because: a string }"],
  ])(
    "when a hook returns %s instead of a verdict, the log names plugin and hook and omits the returned value",
    async (_what, answer, gave) => {
      const { outcome, log } = await callUnder([], [plugin("limits", { authorize: () => answer as never })]);
      const fields = { callId: outcome.callId, handler: "pay", plugin: "limits", hook: "authorize", gave };
      const warnings = log.filter(({ level }) => level === "warn");
      expect(warnings).toEqual([
        {
          level: "warn",
          message:
            "A hook returned no verdict, so the call was refused. Return { allow: true } or { allow: false, reason } from the hook",
          fields,
        },
      ]);
    },
  );

  const answered = async (hooks: object) => {
    const { outcome, log } = await callUnder([], [plugin("limits", hooks)]);
    return { ok: outcome.ok, message: outcome.ok ? "" : outcome.error.message, log: log.map(({ message }) => message) };
  };
  const refusedBy = (by: string, message: unknown) => ({ ok: false, message, log: [`pay was refused by ${by}`] });

  test.each(["authorize", "admit", "approve", "hold"] as const)(
    "a %s hook may return true, false or a reason, like a policy function",
    async (name) => {
      const asked = (answer: unknown) => answered({ [name]: () => answer });
      for (const yes of [true, Promise.resolve(true), { allow: true }]) expect(await asked(yes)).toMatchObject({ ok: true });
      for (const no of ["not on Sundays", Promise.resolve("not on Sundays"), { allow: false, reason: "not on Sundays" }])
        expect(await asked(no)).toEqual(refusedBy("limits", "not on Sundays"));
      const plain =
        name === "approve" ? "This call was not approved, so it did not run" : "The caller is not allowed to make this call";
      for (const no of [false, "", { allow: false }]) expect(await asked(no)).toEqual(refusedBy("limits", plain));
      expect(await asked({ allow: false, by: "sundays" })).toEqual(refusedBy("sundays", plain));
    },
  );

  test.each<[unknown, object]>([
    [true, { ok: true }],
    [{ allow: true }, { ok: true }],
    ["the approval was used by another call", refusedBy("limits", "the approval was used by another call")],
    [undefined, refusedBy("limits", "This call was not approved, so it did not run")],
  ])("the consume function of an approval may return true, a verdict or a reason: %j", async (answer, expected) => {
    expect(await answered({ approve: () => ({ allow: true, consume: () => answer }) })).toMatchObject(expected);
  });

  test("S20: Quater logs a refusal by a hook that names the plugin of the hook once, with the level info", async () => {
    const { outcome, log } = await callUnder([], [plugin("limits", { authorize: () => refuse("limits") })]);
    const fields = { callId: outcome.callId, surface: "direct", code: "forbidden", policy: "limits" };
    expect(log).toEqual([{ level: "info", message: "pay was refused by limits", fields }]);
  });

  test("only the admit hook can answer a call with a replay", async () => {
    const happened: string[] = [];
    const replay = { allow: "replay" as const, by: "a", value: "earlier" };
    const { outcome } = await callUnder(happened, [
      plugin("a", { admit: () => replay, approve: () => noting(happened, "approve", allow("a")) }),
    ]);
    expect(outcome).toMatchObject({ ok: true, value: "earlier" });
    expect((await callUnder(happened, [plugin("a", { authorize: () => replay as never })])).outcome.ok).toBe(false);
    expect((await callUnder(happened, [plugin("a", { approve: () => replay as never })])).outcome.ok).toBe(false);
    expect(happened).toEqual([]);
  });

  test("the gate refuses a call when a hook throws, and only the log names the plugin and the error", async () => {
    const happened: string[] = [];
    const { outcome, log } = await callUnder(happened, [plugin("limits", { admit: () => JSON.parse("{secret") })]);
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: "internal", message: "The call failed because of an error inside the server" },
    });
    expect(log).toMatchObject([{ level: "error", fields: { hint: 'The plugin "limits" threw an error in its hook "admit"' } }]);
    expect(happened).toEqual([]);
  });
});

describe("the gate runs approval hooks", () => {
  test("the consume function of an approval runs inside the around hooks, after the resources of the call were opened", async () => {
    const happened: string[] = [];
    const consuming = plugin("approval", {
      approve: () => ({ ...allow("fin"), consume: () => noting(happened, "consume", allow("fin")) }),
    });
    const wrapping = plugin("trace", { around: async (_call, next) => noting(happened, "around", next)() });
    await callUnder(happened, [consuming, wrapping, plugin("other", { approve: () => noting(happened, "approve", allow("o")) })]);
    expect(happened).toEqual(["approve", "around", "consume", "handle"]);
  });

  test("the consume function of an approval does not run when a later approve hook refuses the call", async () => {
    const happened: string[] = [];
    const consuming = plugin("approval", {
      approve: () => ({ ...allow("fin"), consume: () => noting(happened, "consume", allow("fin")) }),
    });
    await callUnder(happened, [consuming, plugin("other", { approve: () => refuse("o") })]);
    expect(happened).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["refused", refuse("fin", "used meanwhile")],
    ["nothing", undefined],
    ["no yes", { allow: "yes" }],
  ])("the handler does not run when the consume function of the approval returns %s", async (_what, answer) => {
    const happened: string[] = [];
    const { outcome } = await callUnder(happened, [
      plugin("approval", { approve: () => ({ ...allow("fin"), consume: () => answer as never }) }),
    ]);
    expect(outcome).toMatchObject({ ok: false, error: { kind: "approval_refused" } });
    expect(happened).toEqual([]);
  });
});

describe("around hooks enclose the handler", () => {
  const wrap = (happened: string[], name: string) =>
    plugin(name, {
      around: async (_call, next) => {
        happened.push(`${name} before`);
        const value = await next();
        happened.push(`${name} after`);
        return value;
      },
    });

  test("the around hook of the first plugin encloses the around hooks of later plugins", async () => {
    const happened: string[] = [];
    await callUnder(happened, [wrap(happened, "a"), wrap(happened, "b")]);
    expect(happened).toEqual(["a before", "b before", "handle", "b after", "a after"]);
  });

  test("an around hook that calls next() twice runs the handler only once", async () => {
    const happened: string[] = [];
    const { outcome, log } = await callUnder(happened, [plugin("retry", { around: async (_call, next) => next().then(next) })]);
    expect(outcome).toMatchObject({ ok: false, error: { code: "outcome_unknown" } }); // the handler has run
    expect(log[0]?.fields["error"]).toContain("An around hook called next() twice. Call next() at most once in the hook");
    expect(happened).toEqual(["handle"]);
  });

  test("the log does not blame a plugin with an around hook for the handler's error", async () => {
    const failing = { handle: () => JSON.parse("{") };
    const { log } = await callUnder([], [wrap([], "trace")], failing);
    expect(log).toMatchObject([{ message: "pay failed", fields: { hint: undefined } }]);
  });
});

describe("settled hooks run after each call", () => {
  const observing = (seen: string[], name: string, fails = false) =>
    plugin(name, {
      settled: (call, outcome) => {
        seen.push(`${name} ${call.handler} ${outcome.ok ? "ok" : outcome.error.code}`);
        if (fails) throw new Error("disk full");
      },
    });

  test("all settled hooks run when one settled hook throws, and the caller gets outcome_unrecorded", async () => {
    const seen: string[] = [];
    const { outcome } = await callUnder(seen, [observing(seen, "a", true), observing(seen, "b")]);
    expect(seen).toEqual(["handle", "a pay ok", "b pay ok"]);
    expect(outcome).toMatchObject({ ok: false, error: { code: "outcome_unrecorded", kind: "outcome_unknown" } });
  });

  test("the log names plugin, hook and error for each settled hook that throws", async () => {
    const { outcome, log } = await callUnder([], [observing([], "a", true), observing([], "b", true)]);
    const fields = {
      callId: outcome.callId,
      handler: "pay",
      hook: "settled",
      error: expect.stringMatching(/^Error: disk full\n/),
    };
    expect(log).toMatchObject(
      ["a", "b"].map((name) => ({
        level: "error",
        message: "The end of a call could not be recorded",
        fields: { ...fields, plugin: name },
      })),
    );
  });

  test("the log contains the cause of an error that a settled hook of a plugin wrapped", async () => {
    const words = () => unavailable("The trail cannot be written", { cause: new Error("disk full") } as never);
    const { log } = await callUnder([], [plugin("trail", { settled: words })]);
    expect(log[0]?.fields["error"]).toContain("The trail cannot be written");
    expect(log[0]?.fields["error"]).toContain("caused by: Error: disk full");
  });

  test("a refused call keeps its error code when a settled hook throws", async () => {
    const seen: string[] = [];
    const { outcome } = await callUnder(seen, [plugin("no", { authorize: () => refuse("no") }), observing(seen, "a", true)]);
    expect(outcome).toMatchObject({ ok: false, error: { code: "forbidden" } });
    expect(seen).toEqual(["a pay forbidden"]);
  });

  test("S8: settled hooks do not receive the handler name of a call when no handler has this name", async () => {
    const seen: string[] = [];
    await using app = await bootTest({ handlers: {}, plugins: [observing(seen, "a")] });
    expect(await app.as(principal()).send("nothing")).toMatchObject({ ok: false, error: { code: "unknown_handler" } });
    expect(seen).toEqual(["a undefined unknown_handler"]);
  });

  test("settled hooks run for calls with a refused credential, and the log contains the error of a failed authenticator", async () => {
    const seen: string[] = [];
    const { direct } = await import("quater/testing");
    const { authenticator } = await import("quater");
    const broken = authenticator({ name: "broken", authenticate: () => JSON.parse("{") });
    await using app = await bootTest({ handlers: {}, plugins: [observing(seen, "a"), direct({ authenticate: broken })] });
    const entering = kernelOf(app).enter({
      surface: "direct",
      callId: "c1",
      credentials: { surface: "direct", token: "t", header: () => undefined, isLocal: false },
    });
    await expect(entering).rejects.toMatchObject({ code: "authenticator_failed", kind: "unavailable" });
    expect(seen).toEqual(["a undefined authenticator_failed"]);
    expect(app.log).toMatchObject([
      {
        level: "error",
        fields: {
          callId: "c1",
          hint: "The authenticator of direct threw an error. This log line contains the error as its cause",
        },
      },
    ]);
  });
});

describe("a dry run calls only some hooks", () => {
  test("a dry run calls the authorize and forecast hooks, but neither the admit, approve and around hooks nor the handler", async () => {
    const happened: string[] = [];
    const hooks: Hooks = {
      authorize: () => noting(happened, "authorize", allow("a")),
      admit: () => noting(happened, "admit", allow("a")),
      approve: () => noting(happened, "approve", allow("a")),
      forecast: () => noting(happened, "forecast", { required: true, policy: "finance" }),
      around: (_call, next) => noting(happened, "around", next()),
      settled: (call) => void happened.push(`settled ${call.isDryRun}`),
    };
    const { outcome } = await callUnder(
      happened,
      [plugin("silent", { forecast: () => undefined }), plugin("a", hooks), plugin("b", { forecast: () => ({}) })],
      { dryRun: true },
    );
    expect(happened).toEqual(["authorize", "forecast", "settled true"]);
    expect(outcome).toMatchObject({
      ok: true,
      value: {
        handler: "pay",
        input: {},
        auth: { allowed: true, by: "anyone" },
        approval: { required: true, policy: "finance" },
      },
    });
  });

  test("a dry run without a forecast hook does not claim that no approval is needed", async () => {
    const { outcome } = await callUnder([], [plugin("a", { approve: () => refuse("a") })], { dryRun: true });
    expect(outcome).toMatchObject({ ok: true, value: { approval: { required: true } } });
    expect((await callUnder([], [], { dryRun: true })).outcome).toMatchObject({
      ok: true,
      value: { approval: { required: false } },
    });
  });
});

test("boot calls the hooks function of a plugin once for each handler, and once without a handler", async () => {
  const asked: (string | undefined)[] = [];
  const choosing = definePlugin(() => ({ name: "choosing", hooks: (operation) => noting(asked, operation?.name, undefined) }));
  const read = handler({
    description: "Reads.",
    effect: "read",
    input: Type.Object({}),
    auth: can("x"),
    handle: () => unavailable("later"),
  });
  await using app = await bootTest({ handlers: { a: read, b: read }, plugins: [choosing()] });
  await app.as(principal()).call("a");
  expect(asked).toEqual([undefined, "a", "b"]);
});

describe("hold hooks run before the handler, and their release functions run after the call", () => {
  const holding = (happened: string[], by: string, confirm: () => void = () => {}) =>
    plugin(by, {
      hold: (_, keep) => {
        keep({
          confirm: () => noting(happened, `${by} confirms`, confirm()),
          release: async () => void happened.push(`${by} releases`),
        });
        return noting(happened, `${by} holds`, allow(by));
      },
      around: (_, next) => {
        happened.push(`${by} around`);
        return next();
      },
      settled: () => void happened.push(`${by} settled`),
    });

  test("hold hooks run between approve and around hooks, and release functions run after the end of the call", async () => {
    const happened: string[] = [];
    const approves = plugin("a", { approve: () => noting(happened, "a approves", allow("a")) });
    await callUnder(happened, [holding(happened, "b"), holding(happened, "c"), approves]);
    expect(happened).toEqual([
      "a approves",
      "b holds",
      "c holds",
      "b around",
      "c around",
      "b confirms",
      "c confirms",
      "handle",
      "b settled",
      "c settled",
      "c releases",
      "b releases",
    ]);
  });

  test("when a later hold hook refuses a call, the release functions of the earlier hold hooks run", async () => {
    const happened: string[] = [];
    const refuses = plugin("c", { hold: () => refuse("c", "too busy") });
    const { outcome } = await callUnder(happened, [holding(happened, "b"), refuses]);
    expect(outcome).toMatchObject({ ok: false, error: { code: "forbidden", message: "too busy" } });
    expect(happened).toEqual(["b holds", "b settled", "b releases"]);
  });

  test("a handler does not start when the confirm function of a hold hook throws", async () => {
    const happened: string[] = [];
    const lost = () => unavailable("The lock was lost");
    const { outcome } = await callUnder(happened, [holding(happened, "b", lost)]);
    expect(outcome).toMatchObject({ ok: false, error: { code: "unavailable" } });
    expect(happened).toEqual(["b holds", "b around", "b settled", "b releases"]);
  });

  test("when the release function of a hold hook throws, Quater logs the error and the caller gets the result", async () => {
    const fails = plugin("b", {
      hold: (_, keep) => {
        keep({ confirm: () => undefined, release: () => Promise.reject(new Error("no store")) });
        return allow("b");
      },
    });
    const { outcome, log } = await callUnder([], [fails]);
    expect(outcome.ok).toBe(true);
    expect(log).toContainEqual(
      expect.objectContaining({
        level: "warn",
        message: "The release function of a hold hook failed, so the lock of the call may still be locked",
      }),
    );
  });

  test("a dry run of a call calls no hold hook", async () => {
    const happened: string[] = [];
    await callUnder(happened, [holding(happened, "b")], { dryRun: true });
    expect(happened).toEqual(["b settled"]);
  });
});
