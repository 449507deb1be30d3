import { anyone, authenticated, can, handler, hasRole, Type } from "quater";
import { anonymous } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import type { Auth } from "../../core/model/policy.ts";
import { compilePolicy } from "../../core/model/policy.ts";
import { kernelOf } from "../../core/testing/kernel-of.ts";

const ana = principal({ scopes: ["orders:read"], roles: ["support"] });
type Asked = { principal: { subject: string }; input: { owner: string } };
const isOwner = ({ principal: { subject }, input }: Asked) => subject === input.owner || "only your own orders";
const no = () => false;
const yes = () => true;

test.each<[string, Auth<never>, string]>([
  ["anyone", anyone, "allowed"],
  ["authenticated", authenticated, "allowed"],
  ["a scope that the caller has", can("orders:read"), "allowed"],
  [
    "a scope that the caller lacks",
    can("orders:refund"),
    "missing_scope: This call needs a credential with the scope orders:refund",
  ],
  [
    "a scope that is a prefix of the caller's scope",
    can("orders"),
    "missing_scope: This call needs a credential with the scope orders",
  ],
  ["a role that the caller lacks", hasRole("finance"), "missing_role: This call needs a credential with the role finance"],
  [
    "a list in which one policy refuses",
    [can("orders:read"), hasRole("finance")],
    "missing_role: This call needs a credential with the role finance",
  ],
  [
    "several missing scopes, named together",
    [can("a"), can("b")],
    "missing_scope: This call needs a credential with the scope a, b",
  ],
  ["any of two roles, one of which the caller has", { any: [hasRole("finance"), hasRole("support")] }, "allowed"],
  [
    "any of two roles, none of which the caller has",
    { any: [hasRole("x"), hasRole("y")] },
    "missing_role: This call needs a credential with the role x",
  ],
  ["any of a missing role and a function that allows", { any: [hasRole("x"), yes] }, "allowed"],
  [
    "any of a missing role and a function that refuses",
    { any: [hasRole("x"), no] },
    "missing_role: This call needs a credential with the role x",
  ],
  [
    "any of a missing scope and a function that refuses with a reason",
    { any: [can("a:b"), no, isOwner as never] },
    "forbidden: only your own orders",
  ],
  [
    "any of two functions that refuse without a reason",
    { any: [no, no] },
    "forbidden: The caller is not allowed to make this call",
  ],
  [
    "any of two functions, one of which refuses with a reason",
    { any: [isOwner as never, no] },
    "forbidden: only your own orders",
  ],
  ["a function that returns false", no, "forbidden: The caller is not allowed to make this call"],
  ["a function that returns a reason", isOwner as never, "forbidden: only your own orders"],
  ["a function that returns an empty reason", () => "", "forbidden: The caller is not allowed to make this call"],
  ["a function that returns undefined", (() => undefined) as never, "forbidden: The caller is not allowed to make this call"],
  ["a function that returns 1", (() => 1) as never, "forbidden: The caller is not allowed to make this call"],
  ["a function that returns a promise of true", async () => true, "allowed"],
  ["a scope and a function", [can("orders:read"), isOwner as never], "forbidden: only your own orders"],
])("a policy allows a principal or refuses the principal with the right error code: %s", async (_name, auth, expected) => {
  const refusal = await compilePolicy(auth).judge({ principal: ana, input: { owner: "bo" }, resources: () => ({}) });
  expect(refusal === undefined ? "allowed" : `${refusal.code}: ${refusal.message}`).toBe(expected);
});

test("the anonymous principal does not pass the policy authenticated", () => {
  expect(compilePolicy(authenticated).judgeStatic(anonymous)?.kind).toBe("unauthenticated");
});

test("the check before the request body is read refuses only callers that the policy refuses for every input", () => {
  const isRefused = (auth: Auth<never>) => compilePolicy(auth).judgeStatic(ana) !== undefined;
  expect(
    [no, [hasRole("x"), no], [hasRole("support"), no], { any: [hasRole("x"), no] }, { any: [hasRole("x")] }].map((auth) =>
      isRefused(auth as Auth<never>),
    ),
  ).toEqual([false, true, false, false, true]);
});

test("a compiled policy has a name that lists its scopes, roles and functions", () => {
  expect(
    compilePolicy([
      can("a"),
      hasRole("b"),
      function mine() {
        return true;
      },
    ]),
  ).toMatchObject({ name: "can(a) and hasRole(b) and mine", scopes: ["a"], roles: ["b"], isAnyone: false, needsInput: true });
  expect(compilePolicy({ any: [can("a"), can("b")] }).name).toBe("can(a) or can(b)");
  expect(compilePolicy(anyone).isAnyone).toBe(true);
});

describe("the gate checks policies during a call", () => {
  const made = (auth: Auth<{ n: number }>) =>
    handler({ description: "Does.", effect: "read", input: Type.Object({ n: Type.Integer() }), auth, handle: ({ n }) => n });

  test("the gate refuses a call of a principal without the required scopes before the check of the input", async () => {
    let reads = 0;
    await using app = await bootTest({ handlers: { run: made([can("x"), ({ input }) => input.n > 1]) } });
    const call = (who: typeof ana) =>
      kernelOf(app).invoke({
        handler: "run",
        surface: "direct",
        principal: who,
        given: () => {
          reads++;
          return [{ from: "body", isText: false, values: { n: "wrong" } }];
        },
      });
    expect(await call(ana)).toMatchObject({ ok: false, error: { code: "missing_scope" } });
    expect(reads).toBe(0);
    expect(await call(principal({ scopes: ["x"] }))).toMatchObject({ ok: false, error: { code: "invalid_input" } });
    expect(reads).toBe(1);
  });

  test("a policy function receives the bound input, and the gate refuses the call when the function throws", async () => {
    const auth = ({ input }: { input: { n: number } }) => input.n === 1 || (JSON.parse("{") as boolean);
    await using app = await bootTest({ handlers: { run: made(auth) } });
    expect(await app.as(ana).call("run", { n: 1 })).toMatchObject({ ok: true, value: 1 });
    expect(await app.as(ana).call("run", { n: 2 })).toMatchObject({ ok: false, error: { code: "internal" } });
  });
});
