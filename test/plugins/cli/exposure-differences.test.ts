// The verdicts on changes of the exposure: each kind of change is named widened, narrowed or changed.

import { anyone, authenticated, can, type Handler, handler, hasRole, personal, policy, secret, stream, Type } from "quater";
import { apiKeys, approval, audit, cli, firstOf, http, jwt, localUser, mcp, store } from "quater/plugins";
import { bootTest } from "quater/testing";
import { describe, expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { differencesBetween } from "../../../plugins/cli/exposure/differences.ts";
import { type Kept, keptOf } from "../../../plugins/cli/exposure/kept.ts";

const usual = {
  description: "Refund an order.",
  effect: "destructive" as const,
  input: Type.Object({ id: Type.String({ maxLength: 40 }), cents: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
  output: Type.Object({ done: Type.Boolean() }) as object,
  auth: [can("refund"), hasRole("support")] as unknown,
};
const policies = { finance: { approvers: [{ role: "finance", need: 2 }] } };

interface Given {
  readonly handler?: object;
  readonly exposure?: object;
  readonly policy?: object;
  readonly more?: Readonly<Record<string, { readonly handler: object; readonly exposure: object }>>;
  readonly name?: string;
  readonly authenticate?: ReturnType<typeof apiKeys>;
  /** The authenticator of the approvals page. */
  readonly approvers?: ReturnType<typeof apiKeys>;
  readonly http?: object;
  readonly cli?: object;
}

const made = (given: object): Handler => handler({ ...usual, handle: () => ({ done: true }), ...given } as never);

const keptBy = async (given: Given): Promise<Kept> => {
  const { name = "refund", more = {}, authenticate = apiKeys(), approvers = apiKeys() } = given;
  const all = { http: "POST /refunds", cli: true, approval: "finance", ...given.exposure };
  const exposure = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const rules = { ...policies.finance, ...given.policy };
  const others = Object.entries(more);
  await using app = await bootTest({
    isolated: true,
    start: false,
    mode: "inspect",
    handlers: { [name]: made(given.handler ?? {}), ...Object.fromEntries(others.map(([key, one]) => [key, made(one.handler)])) },
    expose: { [name]: exposure, ...Object.fromEntries(others.map(([key, one]) => [key, one.exposure])) },
    plugins: [
      http({ port: 0, authenticate, ...given.http }),
      mcp({ authenticate: apiKeys() }),
      cli({ authenticate: apiKeys(), ...given.cli }),
      store({ mayLoseCommits: true }),
      audit(),
      approval({ authenticate: approvers, policies: { finance: rules, owners: rules } }),
    ],
  } as never);
  // The file is JSON, so compare what a reader of the file gets.
  return JSON.parse(JSON.stringify(keptOf(kernelOf(app)))) as Kept;
};

type Expected = readonly (readonly [verdict: string, what: string])[];
type Row = readonly [change: string, before: Given, after: Given, expected: Expected];

const listed = (input: object) => ({ handler: { input } });
const isOwner = (text: "a" | "b") =>
  policy({ name: "isOwner", needs: {}, allow: text === "a" ? () => true : ({ principal }) => principal.subject === "ana" });

const issuer = (name: string) =>
  jwt({ issuer: `https://${name}.example`, audience: "shop", jwks: `https://${name}.example/keys` } as never);

/** Both directions of a change. */
const both = (change: string, narrow: Given, wide: Given, wider: string, narrower: string): Row[] => [
  [change, narrow, wide, [["widened", wider]]],
  [`the opposite of: ${change}`, wide, narrow, [["narrowed", narrower]]],
];

const rows: readonly Row[] = [
  ["nothing", {}, {}, []],
  [
    "a new handler",
    {},
    { more: { list: { handler: { effect: "read", auth: can("list") }, exposure: { mcp: true } } } },
    [["widened", "the handler is new on mcp (tool): auth can(list), effect read, no approval"]],
  ],
  ...both("a new surface", {}, { exposure: { mcp: true } }, "is exposed on mcp now (tool)", "is no longer exposed on mcp"),
  [
    "another route",
    {},
    { exposure: { http: "POST /orders/refunds" } },
    [
      ["widened", "can be called over http as POST /orders/refunds now"],
      ["narrowed", "can no longer be called over http as POST /refunds"],
    ],
  ],
  [
    "another option of a route",
    {},
    { exposure: { http: { route: "POST /refunds", status: 201 } } },
    [["changed", "http option status: (none) -> 201"]],
  ],
  ...both(
    "made public",
    { handler: { auth: anyone, effect: "read" }, exposure: { approval: undefined } },
    { handler: { auth: anyone, effect: "read" }, exposure: { approval: undefined, public: true } },
    "is public now: callers need no credential",
    "is no longer public: callers need a credential",
  ),
  ...both(
    "a scope less",
    {},
    { handler: { auth: hasRole("support") } },
    "auth changed from can(refund) and hasRole(support) to hasRole(support)",
    "auth changed from hasRole(support) to can(refund) and hasRole(support)",
  ),
  ...both(
    "every credential",
    { handler: { auth: can("refund") } },
    { handler: { auth: authenticated } },
    "auth changed from can(refund) to authenticated",
    "auth changed from authenticated to can(refund)",
  ),
  ...both(
    "one of two rights is enough",
    {},
    { handler: { auth: { any: [can("refund"), hasRole("support")] } } },
    "auth changed from can(refund) and hasRole(support) to can(refund) or hasRole(support)",
    "auth changed from can(refund) or hasRole(support) to can(refund) and hasRole(support)",
  ),
  [
    "another scope, which other callers have",
    { handler: { auth: can("refund") } },
    { handler: { auth: can("pay") } },
    [["widened", "auth changed from can(refund) to can(pay)"]],
  ],
  [
    "the same parts in another order",
    {},
    { handler: { auth: [hasRole("support"), can("refund")] } },
    [["changed", "auth changed from can(refund) and hasRole(support) to hasRole(support) and can(refund)"]],
  ],
  ...both(
    "a policy function is gone",
    { handler: { auth: [can("refund"), isOwner("a")] } },
    { handler: { auth: can("refund") } },
    "auth changed from can(refund) and isOwner to can(refund)",
    "auth changed from can(refund) to can(refund) and isOwner",
  ),
  [
    "other code of a policy function",
    { handler: { auth: [can("refund"), isOwner("a")] } },
    { handler: { auth: [can("refund"), isOwner("b")] } },
    [["changed", "auth: the policy isOwner has other code now"]],
  ],
  [
    "other code of a plain function, and a scope less",
    { handler: { auth: [can("refund"), () => true] } },
    { handler: { auth: [() => false] } },
    [
      ["widened", "auth changed from can(refund) and function to function"],
      ["changed", "auth: a function has other code now"],
    ],
  ],
  ...both(
    "approval dropped",
    {},
    { exposure: { approval: undefined } },
    "calls no longer need approval",
    "calls need approval now, by the policy finance",
  ),
  ...both(
    "fewer approvers",
    {},
    { policy: { approvers: [{ role: "finance", need: 1 }] } },
    "approval: needs 1 approval by role finance, needed 2",
    "approval: needs 2 approvals by role finance, needed 1",
  ),
  [
    "another role of approvers",
    {},
    { policy: { approvers: [{ role: "support", need: 2 }] } },
    [
      ["widened", "approval: needs 0 approvals by role finance, needed 2"],
      ["narrowed", "approval: needs 2 approvals by role support, needed 0"],
    ],
  ],
  ...both(
    "self approval",
    {},
    { policy: { kind: "confirm" } },
    "approval: the person for whom the caller acts may now approve",
    "approval: the person for whom the caller acts may no longer approve",
  ),
  ...both(
    "more denials",
    {},
    { policy: { denials: 2 } },
    "approval: the number of denials that end a request is 2, was 1",
    "approval: the number of denials that end a request is 1, was 2",
  ),
  ...both(
    "a longer wait for votes",
    {},
    { policy: { pendingForMs: 86_400_000 } },
    "approval: a request waits 86,400 s for votes, waited 3,600 s",
    "approval: a request waits 3,600 s for votes, waited 86,400 s",
  ),
  ...both(
    "longer validity",
    {},
    { policy: { usableForMs: 1_200_000 } },
    "approval: an approval can be used for 1,200 s, was 600 s",
    "approval: an approval can be used for 600 s, was 1,200 s",
  ),
  ...both(
    "any surface",
    {},
    { policy: { anySurface: true } },
    "approval: the approved call may now be repeated over another surface",
    "approval: the approved call may no longer be repeated over another surface",
  ),
  ...both(
    "requesters without a person",
    {},
    { policy: { unattributed: true } },
    "approval: the requester may now be a credential without a person",
    "approval: the requester may no longer be a credential without a person",
  ),
  ...both(
    "approval on fewer surfaces",
    {},
    { exposure: { approval: { policy: "finance", surfaces: ["http"] } } },
    "approval: calls over cli no longer need approval",
    "approval: calls over cli need approval now",
  ),
  [
    "an approval policy of another name with the same rules",
    {},
    { exposure: { approval: "owners" } },
    [["changed", "approval: the policy finance is now owners"]],
  ],
  [
    "a preview that approvers no longer see",
    { handler: { preview: () => "all of it" } },
    {},
    [["widened", "approvers no longer see a preview"]],
  ],
  ["a preview that approvers see", {}, { handler: { preview: () => "all of it" } }, [["narrowed", "has a preview now"]]],
  ...both("a lock less", { exposure: { lock: "order" } }, {}, 'lock: "order" -> (none)', 'lock: (none) -> "order"'),
  ["another lock", { exposure: { lock: "order" } }, { exposure: { lock: "refund" } }, [["changed", 'lock: "order" -> "refund"']]],
  ...both(
    "less evidence",
    { exposure: { audit: "request" } },
    { exposure: { audit: "metadata" } },
    'audit: "request" -> "metadata"',
    'audit: "metadata" -> "request"',
  ),
  ["a stronger effect", { handler: { effect: "write" } }, {}, [["widened", "effect changed from write to destructive"]]],
  ["a weaker effect", {}, { handler: { effect: "write" } }, [["changed", "effect changed from destructive to write"]]],
  [
    "an effect that is read now, so that calls are recorded later",
    {},
    { handler: { effect: "read" } },
    [["widened", "effect changed from destructive to read"]],
  ],
  [
    "another description",
    {},
    { handler: { description: "Refund every order." } },
    [["changed", "description: Refund every order."]],
  ],
  ["another name", {}, { name: "giveBack" }, [["changed", "the handler refund has the name giveBack now"]]],
  [
    "another name and another policy",
    {},
    { name: "giveBack", handler: { auth: can("refund") } },
    [
      [
        "widened",
        "the handler is new on cli (yes), http (POST /refunds): auth can(refund), effect destructive, approval finance",
      ],
      ["narrowed", "the handler is gone"],
    ],
  ],
  ...both(
    "an input that accepts more",
    {},
    listed(Type.Object({ id: Type.String({ maxLength: 40 }), cents: Type.Optional(Type.Integer({ minimum: 1, maximum: 900 })) })),
    "input /cents: maximum changed from 100 to 900",
    "input /cents: maximum changed from 900 to 100",
  ),
  ...both(
    "a new field of the input",
    {},
    listed(Type.Object({ ...usual.input.properties, note: Type.Optional(Type.String()) })),
    "input /note: is new and optional",
    "input /note: is no longer accepted",
  ),
  [
    "a field that became narrower and one that became wider",
    {},
    listed(Type.Object({ id: Type.String({ maxLength: 20 }), cents: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })) })),
    [
      ["widened", "input /cents: minimum changed from 1 to 0"],
      ["narrowed", "input /id: maxLength changed from 40 to 20"],
    ],
  ],
  [
    "other listed values",
    listed(Type.Object({ id: Type.Enum(["a", "b"]) })),
    listed(Type.Object({ id: Type.Enum(["a", "c"]) })),
    [
      ["widened", 'input /id: accepts "c" now'],
      ["narrowed", 'input /id: no longer accepts "b"'],
    ],
  ],
  [
    "a pattern that nobody can compare",
    listed(Type.Object({ id: Type.String({ pattern: "^a+$" }) })),
    listed(Type.Object({ id: Type.String({ pattern: "^b+$" }) })),
    [["changed", "input /id: pattern changed, and Quater cannot compare the two values"]],
  ],
  ...both(
    "a secret that is shown and recorded",
    listed(Type.Object({ id: secret(Type.String()) })),
    listed(Type.Object({ id: Type.String() })),
    "input schema /properties/id is no longer a secret",
    "input schema /properties/id is a secret now",
  ),
  ...both(
    "a value about a person that the trail cannot erase",
    listed(Type.Object({ id: personal(Type.String()) })),
    listed(Type.Object({ id: Type.String() })),
    "input schema /properties/id is no longer personal",
    "input schema /properties/id is personal now",
  ),
  ...both(
    "an origin whose pages may send requests",
    {},
    { http: { allowedOrigins: ["https://other.example"] } },
    "allowedOrigins has https://other.example now",
    "allowedOrigins no longer has https://other.example",
  ),
  ...both(
    "all origins",
    {},
    { http: { allowedOrigins: "any" } },
    "allowedOrigins has any now",
    "allowedOrigins no longer has any",
  ),
  ...both(
    "another name of the server",
    {},
    { http: { allowedHosts: ["shop.example"] } },
    "allowedHosts has shop.example now",
    "allowedHosts no longer has shop.example",
  ),
  ...both(
    "a proxy that may name the caller's address",
    {},
    { http: { trustedProxies: ["10.0.0.0/8"] } },
    "trustedProxies has 10.0.0.0/8 now",
    "trustedProxies no longer has 10.0.0.0/8",
  ),
  ...both(
    "a route that accepts forms of pages",
    { exposure: { http: { route: "POST /refunds", forms: false } } },
    { exposure: { http: { route: "POST /refunds", forms: true } } },
    "http option forms: false -> true",
    "http option forms: true -> false",
  ),
  [
    "another authenticator of local callers beside that of remote callers",
    { cli: { remote: { authenticate: apiKeys() } } },
    { cli: { authenticate: localUser(), remote: { authenticate: apiKeys() } } },
    [
      [
        "changed",
        "the authenticator apiKeys for local callers, apiKeys for remote callers is now localUser for local callers, apiKeys for remote callers",
      ],
    ],
  ],
  [
    "another authenticator of the approvals page",
    {},
    { approvers: firstOf(apiKeys()) },
    [["changed", expect.stringMatching(/^the authenticator .+ is now firstOf\(apiKeys\)/) as unknown as string]],
  ],
  [
    "a description in the input",
    listed(Type.Object({ id: Type.String() })),
    listed(Type.Object({ id: Type.String({ description: "Any order" }) })),
    [["changed", 'input schema /properties/id has another description: (none) -> "Any order"']],
  ],
  ...both(
    "an output with more fields",
    {},
    { handler: { output: Type.Object({ done: Type.Boolean(), card: Type.Optional(Type.String()) }) } },
    "output /card: is new",
    "output /card: is gone",
  ),
  ...both(
    "no output schema",
    {},
    { handler: { output: undefined } },
    'output type changed from "object" to "any"',
    'output type changed from "any" to "object"',
  ),
  [
    "a stream",
    { exposure: { approval: undefined } },
    { exposure: { approval: undefined }, handler: { output: stream(Type.Object({ done: Type.Boolean() })) } },
    [["changed", "the handler returns a stream"]],
  ],
  [
    "tokens of another issuer",
    { authenticate: firstOf(apiKeys(), issuer("one")) },
    { authenticate: firstOf(issuer("two"), apiKeys()) },
    [
      ["widened", "tokens of https://two.example for shop are accepted now"],
      ["narrowed", "tokens of https://one.example for shop are no longer accepted"],
      ["changed", "the authenticator firstOf(apiKeys, jwt) is now firstOf(jwt, apiKeys)"],
    ],
  ],
  [
    "another authenticator",
    {},
    { authenticate: firstOf(apiKeys()) },
    [["changed", "the authenticator apiKeys is now firstOf(apiKeys)"]],
  ],
];

describe("quater exposure --check names each kind of change", () => {
  test.each(rows)("quater exposure --check reports this change of an exposure: %s", async (_, before, after, expected) => {
    const found = differencesBetween(await keptBy(before), await keptBy(after));
    expect(found.map(({ verdict, what }) => [verdict, what])).toEqual(expected);
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
  });
});

test("quater exposure --check names routes that plugins mounted, and a changed name of the project", async () => {
  const kept = await keptBy({});
  const mounted = { ...kept, outsideThePipeline: [...kept.outsideThePipeline, "POST /hook"] };
  const words = (one: Kept, other: Kept) => differencesBetween(one, other).map(({ verdict, what }) => [verdict, what]);
  expect(words(kept, mounted)).toEqual([["widened", "the route POST /hook is mounted now, without the checks of a handler"]]);
  expect(words(mounted, kept)).toEqual([["narrowed", "the route POST /hook is no longer mounted"]]);
  expect(words(kept, { ...kept, app: "other" })).toEqual([["changed", "the name test is now other"]]);
});

test("quater exposure --check warns that a person must read the code of a changed policy function or authenticator", async () => {
  const warned = async (before: Given, after: Given) =>
    differencesBetween(await keptBy(before), await keptBy(after)).map(({ warning }) => warning);
  const unreadable = "Quater cannot compare functions. Read the change of the code";
  expect(await warned({ handler: { auth: isOwner("a") } }, { handler: { auth: isOwner("b") } })).toEqual([unreadable]);
  expect(await warned({}, { authenticate: firstOf(apiKeys()) })).toEqual([unreadable]);
});

test("an acceptance in the exposure file is valid for one change, because the id of the change covers both values", async () => {
  const idsOf = async (maximum: number) => {
    const input = Type.Object({
      id: Type.String({ maxLength: 40 }),
      cents: Type.Optional(Type.Integer({ minimum: 1, maximum })),
    });
    return differencesBetween(await keptBy({}), await keptBy({ handler: { input } })).map(({ id }) => id);
  };
  const [[one], [again], [other]] = await Promise.all([idsOf(900), idsOf(900), idsOf(901)]);
  expect(again).toBe(one);
  expect(other).not.toBe(one);
});
