// Policies: who is enough, what is refused at boot, and who may ask.

import fc from "fast-check";
import { anyone, handler, Type } from "quater";
import { type ConfiguredPlugin, isBootError, type OptionsOf } from "quater/plugin-api";
import { approval, audit, store } from "quater/plugins";
import { bootTest, direct, principal, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { type ApprovalPolicy, approvalsRef } from "../../../plugins/approval/index.ts";
import { completed, isSatisfied, type Policy } from "../../../plugins/approval/policy.ts";
import { tempFolder } from "../audit/kit.ts";
import { bootDesk, codeOf, finance, pay, people } from "./kit.ts";

const { robot, ana, bea, cleo } = people;

describe("votes fill the places of an approval policy", () => {
  const policy = (...approvers: ApprovalPolicy["approvers"]): Policy => completed({ approvers });
  const person = (name: string, ...roles: string[]) => ({ person: name, roles });

  test("one person counts for one place of an approval policy, even when the person has several roles", () => {
    const both = policy({ role: "finance" }, { role: "audit" });
    expect(isSatisfied(both, [person("cleo", "finance", "audit")])).toBe(false);
    expect(isSatisfied(both, [person("cleo", "finance", "audit"), person("bea", "finance")])).toBe(true);
    expect(isSatisfied(both, [person("bea", "finance"), person("cleo", "finance", "audit")])).toBe(true);
    expect(isSatisfied(policy({ role: "finance", need: 2 }), [person("bea", "finance")])).toBe(false);
  });

  test("an approval policy assigns voters to its places so that votes fill as many places as possible", () => {
    const roles = ["a", "b", "c"];
    const someone = fc.record({
      person: fc.constantFrom("p", "q", "r", "s", "t"),
      roles: fc.uniqueArray(fc.constantFrom(...roles)),
    });
    const place = fc.oneof(
      fc.record({ role: fc.constantFrom(...roles), need: fc.integer({ min: 1, max: 2 }) }),
      fc.record({ person: fc.constantFrom("p", "q") }),
    );
    fc.assert(
      fc.property(
        fc.array(place, { minLength: 1, maxLength: 3 }),
        fc.uniqueArray(someone, { selector: ({ person }) => person, maxLength: 5 }),
        (approvers, agreed) => {
          const given = policy(...approvers);
          expect(isSatisfied(given, agreed)).toBe(canBeSeated(given, agreed));
        },
      ),
      { numRuns: 500 },
    );
  });

  /** By trying every order. */
  const canBeSeated = ({ approvers }: Policy, agreed: readonly { person: string; roles: readonly string[] }[]): boolean => {
    const places = approvers.flatMap((each) => Array.from({ length: each.need }, () => each));
    const seat = (index: number, left: readonly (typeof agreed)[number][]): boolean => {
      const place = places[index];
      if (place === undefined) return true;
      return left.some(
        (who) =>
          (place.role === undefined ? place.person === who.person : who.roles.includes(place.role)) &&
          seat(
            index + 1,
            left.filter((other) => other !== who),
          ),
      );
    };
    return seat(0, agreed);
  };

  test("an approval policy can require a role and a named person, and sets how many denials end a request", async () => {
    using folder = tempFolder();
    const policies = { finance: { approvers: [{ role: "finance" }, { person: "dan" }], denials: 2 } };
    await using desk = await bootDesk({ root: folder.root, approval: { policies } });
    const id = await desk.file(robot);
    expect((await desk.vote(bea, id, "deny")).state).toBe("pending");
    expect((await desk.vote(people.dan, id)).state).toBe("pending");
    expect((await desk.vote(cleo, id)).state).toBe("approved");
    const denied = await desk.file(robot, { cents: 6 });
    await desk.vote(bea, denied, "deny", "no");
    expect(await desk.vote(people.dan, denied, "deny", "nor do I")).toMatchObject({ state: "denied", reason: "nor do I" });
  });

  test("a vote on an approval request counts with the roles that the voter has at the time of the vote", async () => {
    using folder = tempFolder();
    const policies = { finance: { approvers: [{ role: "finance", need: 2 }] } };
    await using desk = await bootDesk({ root: folder.root, approval: { policies } });
    const id = await desk.file(robot);
    await desk.vote(bea, id);
    // Bea has left finance since; her yes was hers to give.
    await expect(desk.vote({ ...bea, roles: [] }, id)).rejects.toMatchObject({ code: "approver_not_eligible" });
    expect((await desk.vote(cleo, id)).state).toBe("approved");
  });
});

describe("approval policies decide who may request an approval", () => {
  const nobody = { ...principal({ subject: "svc", kind: "service" }), person: undefined as unknown as string };

  test("Quater refuses a call that needs approval if its requester has no person, unless the policy has unattributed: true", async () => {
    using folder = tempFolder();
    const policies = { finance: finance.finance, open: { approvers: [{ role: "finance" }], unattributed: true } };
    const exposure = (approvalOf: string) => ({ direct: true, other: true, approval: approvalOf });
    await using desk = await bootDesk({
      root: folder.root,
      approval: { policies },
      handlers: { pay, payOpenly: pay },
      expose: { pay: exposure("finance"), payOpenly: exposure("open") },
    });
    expect(await desk.call(nobody)).toMatchObject({ error: { code: "approval_unattributed", kind: "forbidden" } });
    expect(codeOf(await desk.call(robot))).toBe("approval_required");
    expect(codeOf(await desk.call(nobody, { cents: 5 }, { handler: "payOpenly" }))).toBe("approval_required");
  });

  test("Quater refuses a call under an approval policy of the kind confirm when the caller acts for no person", async () => {
    using folder = tempFolder();
    const policies = { finance: { approvers: [{ role: "finance" }], kind: "confirm" as const } };
    await using desk = await bootDesk({ root: folder.root, approval: { policies } });
    expect(codeOf(await desk.call(ana))).toBe("approval_unattributed");
    expect(await desk.sql("select id from approval_request")).toEqual([]);
    const id = await desk.file(robot);
    expect((await desk.vote(ana, id)).state).toBe("approved");
  });

  test("when an exposure needs approval on one surface, calls over other surfaces run without approval", async () => {
    using folder = tempFolder();
    await using desk = await bootDesk({
      root: folder.root,
      expose: { pay: { direct: true, other: true, approval: { policy: "finance", surfaces: ["other"] } } },
    });
    expect(codeOf(await desk.call(robot, { cents: 5 }, { surface: "other" }))).toBe("approval_required");
    const { callId, ok } = await desk.call(robot, { cents: 5 });
    expect(ok).toBe(true);
    const types = await desk.sql("select type from audit_event where call_id = ? order by seq", callId);
    expect(types).toEqual([{ type: "call.started" }, { type: "call.ended" }]);
    const dry = (surface: string) => desk.call(robot, { cents: 5 }, { surface, dryRun: true });
    expect(await dry("direct")).toMatchObject({ value: { approval: { required: false } } });
    expect(await dry("other")).toMatchObject({ value: { approval: { required: true } } });
  });
});

describe("boot refuses wrong approval options", () => {
  const problemsOf = async (
    options: unknown,
    exposure: Readonly<Record<string, unknown>> = { direct: true },
  ): Promise<string[]> => {
    using folder = tempFolder();
    const base: OptionsOf<typeof approval> = { authenticate: tokens(people), policies: finance };
    try {
      const app = await bootTest({
        root: folder.root,
        start: false,
        handlers: { pay },
        expose: { pay: exposure },
        plugins: [store(), audit(), approval({ ...base, ...(options as object) }), direct({ authenticate: tokens({}) })],
      });
      await app.stop();
      return [];
    } catch (error) {
      if (!isBootError(error)) throw error;
      for (const { place } of error.problems) expect(place).not.toBe("");
      return error.problems.map(({ cause, remedy }) => `${cause}. ${remedy}`);
    }
  };
  const ofPolicy = (policy: unknown) => problemsOf({ policies: { finance: policy } });
  const approvers = [{ role: "finance" }];

  test.each<[string, unknown, RegExp]>([
    ["no approver", { approvers: [] }, /The approval policy finance has no approvers/],
    ["approvers that are not a list", { approvers: "finance" }, /has no approvers/],
    ["a need below one", { approvers: [{ role: "finance", need: 0 }] }, /with an invalid value for need: 0/],
    [
      "two places that only one person could fill",
      { approvers: [{ person: "ana", need: 2 }] },
      /needs 2 approvals of the person "ana"/,
    ],
    [
      "a person named twice",
      { approvers: [{ person: "ana" }, { person: "ana" }] },
      /lists "ana" twice.*List each person only once/,
    ],
    ["an approver with neither role nor person", { approvers: [{ need: 1 }] }, /without exactly one role or one person/],
    [
      "an approver with both role and person",
      { approvers: [{ role: "a", person: "b" }] },
      /without exactly one role or one person/,
    ],
    ["an unknown field", { approvers, pendingForMS: 5 }, /unknown field "pendingForMS". Did you mean "pendingForMs"/],
    ["an unknown field of an approver", { approvers: [{ rol: "finance" }] }, /unknown field "rol". Did you mean "role"/],
    [
      "a waiting time of more than a week",
      { approvers, pendingForMs: 604_800_001 },
      /has an invalid value for pendingForMs: 604800001/,
    ],
    [
      "a usable time of more than a day",
      { approvers, usableForMs: 86_400_001 },
      /has an invalid value for usableForMs: 86400001/,
    ],
    ["a usable time of zero", { approvers, usableForMs: 0 }, /has an invalid value for usableForMs: 0/],
    ["zero denials", { approvers, denials: 0 }, /has an invalid value for denials: 0/],
    ["an unknown kind", { approvers, kind: "triple" }, /has an invalid value for kind: "triple"/],
    ["a value that is not an object", null, /The approval policy finance is not an object/],
  ])("boot refuses an approval policy with %s", async (_, policy, expected) => {
    expect((await ofPolicy(policy)).join("\n")).toMatch(expected);
  });

  test.each<[string, object, RegExp]>([
    ["no policies", { policies: {} }, /approval\(\) has no policies/],
    ["no authenticate", { authenticate: undefined }, /has no authenticate option, so nobody can approve/],
    ["a publicUrl without https", { publicUrl: "http://shop.example" }, /is not an https URL/],
    ["a malformed publicUrl", { publicUrl: "shop" }, /is not an https URL/],
    [
      "a filing limit of zero",
      { maxFiledPerHour: 0 },
      /has an invalid value for maxFiledPerHour: 0\. Write a whole number from 1 to 100,000/,
    ],
    [
      "a pending limit of zero",
      { maxPending: 0 },
      /has an invalid value for maxPending: 0\. Write a whole number from 1 to 10,000/,
    ],
    [
      "listen for the page but without http()",
      { listen: { port: 0 } },
      /the approvals page cannot be served\. Add http\(\) to plugins/,
    ],
    ["a retention time of zero", { retentionDays: 0 }, /has an invalid value for retentionDays: 0\. Write a whole number from 1/],
    [
      "a negative cooldown",
      { cooldownMs: -1 },
      /has an invalid value for cooldownMs: -1\. Write a whole number from 0 to 604,800,000/,
    ],
  ])("boot refuses approval() with %s", async (_, options, expected) => {
    expect((await problemsOf(options)).join("\n")).toMatch(expected);
  });

  test("boot accepts a publicUrl of approval() without https when the host is a loopback address", async () => {
    expect(await problemsOf({ publicUrl: "http://127.0.0.1:3000" })).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ["a policy that does not exist", { direct: true, approval: "finanse" }, /"finanse".*Did you mean "finance"/],
    [
      "a policy with the name of an object method",
      { direct: true, approval: "constructor" },
      /"constructor", but approval\(\) does not define/,
    ],
    [
      "a surface that the handler is not exposed on",
      { direct: true, approval: { policy: "finance", surfaces: ["http"] } },
      /on http, but the handler is not exposed/,
    ],
    ["an empty list of surfaces", { direct: true, approval: { policy: "finance", surfaces: [] } }, /an empty list of surfaces/],
  ])("boot refuses an exposure whose approval names %s", async (_, exposure, expected) => {
    expect((await problemsOf({}, exposure)).join("\n")).toMatch(expected);
  });

  test("boot reports all problems of the approval options at once", async () => {
    const found = await problemsOf(
      { policies: { a: { approvers: [] }, b: { approvers, denials: 0 } }, maxPending: 0 },
      { direct: true, approval: "c" },
    );
    expect(found).toHaveLength(4);
  });

  test('boot refuses approval() without store() or audit(), and an approval of a handler with audit: "off"', async () => {
    const boot = (plugins: readonly ConfiguredPlugin[], exposure: object = {}) =>
      bootTest({ handlers: { pay }, start: false, expose: { pay: { direct: true, approval: "finance", ...exposure } }, plugins });
    const asks = approval({ authenticate: tokens(people), policies: finance });
    await expect(boot([store(), asks])).rejects.toThrow(/audit/);
    await expect(boot([asks])).rejects.toThrow(/store/);
    await expect(boot([store(), audit(), asks], { audit: "off" })).rejects.toThrow(/sets audit: "off"/);
  });

  test("boot refuses an approval of a public handler, and of a handler whose input cannot be written as JSON", async () => {
    const open = handler({ description: "Open.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => 1 });
    const file = handler({
      description: "File.",
      effect: "write",
      input: Type.Object({ file: Type.Unsafe<Buffer>({ type: "buffer" }) }),
      auth: anyone,
      handle: () => 1,
    });
    const asks = approval({ authenticate: tokens(people), policies: finance });
    const { http } = await import("quater/plugins");
    const boot = (given: typeof open) =>
      bootTest({
        handlers: { given },
        start: false,
        expose: { given: { http: "GET /x", public: true, approval: "finance" } },
        plugins: [http({ port: 0 }), store(), audit(), asks],
      });
    await expect(boot(open)).rejects.toThrow(/is exposed with public: true and with approval/);
    await expect(boot(file as never)).rejects.toThrow(/has the unknown type/);
  });
});

test("approval() provides a service that lists approval requests and accepts votes", async () => {
  using folder = tempFolder();
  await using desk = await bootDesk({ root: folder.root });
  expect(desk.app.services.get(approvalsRef)).toBe(desk.approvals);
  expect(desk.approvals.urlOf("apr_x")).toBeUndefined();
});
