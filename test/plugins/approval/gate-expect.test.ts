// The claims of `quater/testing` hold and fail as they say.

import { can, type Handler, handler, notFound, Type } from "quater";
import { approval, audit, cli, store } from "quater/plugins";
import { bootTest, expectApproval, expectDenied, expectOk, principal, type TestApp, type TestCall } from "quater/testing";
import { describe, expect, test } from "vitest";
import { tempFolder } from "../audit/kit.ts";

const ran: unknown[] = [];
const remove: Handler = handler({
  description: "Remove one thing.",
  effect: "destructive",
  input: Type.Object({ id: Type.String() }),
  output: Type.Object({ id: Type.String() }),
  auth: can("remove"),
  handle: ({ id }) => {
    ran.push(id);
    if (id === "broken") throw new Error("broken");
    return { id };
  },
});
const keep: Handler = handler({
  description: "Keep one thing.",
  effect: "read",
  input: Type.Object({ id: Type.String() }),
  auth: can("remove"),
  handle: ({ id }) => ({ id }),
});

const ana = principal({ scopes: ["remove"] });
const people = ["bo", "cy"].map((subject) => principal({ subject, roles: ["boss"] }));

const boot = (root: string): Promise<TestApp> =>
  bootTest({
    root,
    handlers: { remove, keep },
    expose: { remove: { direct: true, approval: "two" }, keep: { direct: true } },
    plugins: [
      store(),
      audit(),
      approval({ authenticate: () => undefined, policies: { two: { approvers: [{ role: "boss", need: 2 }] } } }),
    ],
  });

describe("expectDenied() passes only for refusals", () => {
  test("expectDenied passes for a refusal in an outcome, a promise or an answer of a surface", async () => {
    using folder = tempFolder();
    await using app = await boot(folder.root);
    const weak = app.as(principal());
    expect(await expectDenied(weak.call("keep", { id: "a" }))).toEqual({
      code: "missing_scope",
      message: "This call needs a credential with the scope remove",
    });
    await expectDenied(await weak.call("keep", { id: "a" }), "missing_scope");
    await expectDenied(app.as(ana).call("remove", { id: "a" }), "approval_required");
    await expectDenied({ ok: false, code: "unknown_field", message: "", errors: [] });
    await expectDenied({ ok: false, code: "approval_used", message: "", errors: [] });
  });

  test.each([
    ["a success", app("keep", { id: "a" }), undefined, 'Expected the call to be denied, but it succeeded with {"id":"a"}'],
    [
      "another code",
      app("keep", {}),
      "missing_scope",
      "Expected the call to be denied with missing_scope, but it ended with invalid_input: /id is required",
    ],
  ])("expectDenied fails for %s, and the message contains the actual result", async (_, act, code, sentence) => {
    using folder = tempFolder();
    await using booted = await boot(folder.root);
    await expect(expectDenied(act(booted), code)).rejects.toThrow(sentence);
  });

  test.each(["internal", "order_not_paid", "outcome_unknown"])(
    "expectDenied fails for an error of the handler (%s)",
    async (code) => {
      const answer = { ok: false, code, message: "", errors: [] } as const;
      await expect(expectDenied(answer)).rejects.toThrow(`Expected the call to be denied, but it failed with ${code}`);
      await expectDenied(answer, code);
    },
  );
});

describe("expectOk() passes only for successful calls", () => {
  const fails = handler({
    description: "Fail.",
    effect: "read",
    input: Type.Object({}),
    auth: can("remove"),
    handle: () => {
      throw new TypeError("no such table: orders");
    },
  });
  const boot = () => bootTest({ handlers: { keep, fails } });

  test("expectOk returns the value of a call that succeeded", async () => {
    await using app = await boot();
    expect(await expectOk(app.as(ana).call("keep", { id: "a" }))).toEqual({ id: "a" });
    expect(await expectOk({ ok: true, value: 7 })).toBe(7);
  });

  test("expectOk fails for a refusal, and the message contains the error code", async () => {
    await using app = await boot();
    await expect(expectOk(app.as(principal()).call("keep", { id: "a" }))).rejects.toThrow(
      /^Expected the call to succeed, but it ended with missing_scope: This call needs a credential with the scope remove$/,
    );
  });

  test("expectOk fails for an internal error, and the message contains the cause", async () => {
    await using app = await boot();
    const reason = "internal: The call failed because of an error inside the server (TypeError: no such table: orders)";
    const met = await expectOk(app.as(ana).call("fails")).catch((error: unknown) => error);
    expect(met).toMatchObject({
      message: `Expected the call to succeed, but it ended with ${reason}`,
      cause: { cause: { message: "no such table: orders" } },
    });
    await expect(expectDenied(app.as(ana).call("fails"))).rejects.toThrow(reason);
  });
});

function app(name: string, input: object) {
  return (booted: TestApp) => booted.as(ana).call(name, input);
}

describe("expectApproval() passes only for calls that need approval", () => {
  test("expectApproval passes when the given number of people must approve, runs the call once, and returns the outcome of the call", async () => {
    using folder = tempFolder();
    await using app = await boot(folder.root);
    ran.splice(0);
    const call = { as: ana, handler: "remove", input: { id: "a" } };
    expect(await expectApproval(app, call).by(2)).toMatchObject({ ok: true, value: { id: "a" } });
    expect(await expectApproval(app, { ...call, input: { id: "b" }, surface: "direct" }).by(2, people)).toMatchObject({
      ok: true,
    });
    expect(ran).toEqual(["a", "b"]);
  });

  test("expectApproval passes when the approved handler runs and throws an error", async () => {
    using folder = tempFolder();
    await using app = await boot(folder.root);
    const outcome = await expectApproval(app, { as: ana, handler: "remove", input: { id: "broken" } }).by(2);
    expect(outcome).toMatchObject({ ok: false, error: { code: "internal" } });
  });

  describe("expectApproval passes when the repeated call gets not_found", () => {
    const there = new Set<string>();
    const look = (id: string) => (there.has(id) ? { id } : notFound("thing", id));
    const drop: Handler = handler({
      description: "Drop one thing.",
      effect: "destructive",
      input: Type.Object({ id: Type.String() }),
      auth: can("remove"),
      preview: ({ id }) => look(id),
      handle: ({ id }) => {
        look(id);
        there.delete(id);
      },
    });
    const policies = { one: { approvers: [{ role: "boss" }] } };
    const call = { as: ana, handler: "drop", input: { id: "a" }, surface: "direct" };
    /** People are asked only over direct. */
    const bootDrop = () =>
      bootTest({
        isolated: true,
        handlers: { drop },
        expose: { drop: { direct: true, cli: true, approval: { policy: "one", surfaces: ["direct"] } } },
        plugins: [
          store(),
          audit(),
          cli({ authenticate: () => undefined }),
          approval({ authenticate: () => undefined, policies }),
        ],
      });

    test("expectApproval passes when the repeated call is refused by its preview", async () => {
      await using app = await bootDrop();
      there.add("a");
      expect(await expectApproval(app, call).by(1)).toMatchObject({ ok: true });
      expect(there.size).toBe(0);
    });

    test("expectApproval fails when the handler ran twice", async () => {
      await using app = await bootDrop();
      there.add("a");
      let hasRun = false;
      const leaky: TestApp = {
        ...app,
        as: (who) => ({
          ...app.as(who),
          call: (async (name: string, input: unknown, how: TestCall) => {
            const outcome = await app.as(who).send(name, input, hasRun ? { surface: "cli" } : how);
            hasRun ||= outcome.ok;
            return outcome;
          }) as never,
        }),
      };
      await expect(expectApproval(leaky, call).by(1)).rejects.toThrow(
        'Expected drop not to run again when it is repeated, but it ran again and ended with not_found: thing "a" was not found',
      );
    });
  });

  test("expectApproval fails before the filing of a request when another number of people must approve", async () => {
    using folder = tempFolder();
    await using app = await boot(folder.root);
    ran.splice(0);
    await expect(expectApproval(app, { as: ana, handler: "remove", input: { id: "a" } }).by(1)).rejects.toThrow(
      "Expected remove to need the approval of 1 person, but it needs 2 people (two: 2 with role boss)",
    );
    await expect(expectApproval(app, { as: ana, handler: "keep", input: { id: "a" } }).by(2)).rejects.toThrow(
      "Expected keep to need the approval of 2 people, but it needs no approval",
    );
    expect(ran).toEqual([]);
  });

  test("expectApproval fails when the approvers cannot approve the call, and when the call is refused for another reason", async () => {
    using folder = tempFolder();
    await using app = await boot(folder.root);
    const [bo] = people;
    const call = { as: ana, handler: "remove", input: { id: "a" } };
    await expect(expectApproval(app, call).by(2, [bo as never, ana])).rejects.toThrow("You cannot decide this approval request");
    await expect(expectApproval(app, { ...call, as: principal() }).by(2)).rejects.toThrow(
      "Expected the call to be denied with approval_required, but it ended with missing_scope",
    );
  });
});
