// A policy function that refuses is named to the operator and not to the caller.

import { authenticated, can, forbidden, type Handler, handler, Type } from "quater";
import { httpRef } from "quater/http";
import type { Outcome } from "quater/plugin-api";
import { http } from "quater/plugins";
import { principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { bootWithTrail, eventsIn, tempFolder } from "./kit.ts";

const ana = principal({ subject: "ana", scopes: ["orders:read"] });

const isOwner = ({ input }: { readonly input: { readonly id: string } }): boolean => input.id === "mine";
const isOpen = (): string => "The shop is closed";
const throwsForbidden = (): boolean => forbidden("Not on Sundays");
const breaks = (): boolean => {
  throw new Error("the directory is down");
};

const withAuth = (auth: unknown): Handler =>
  handler({
    description: "Look at one order.",
    effect: "read",
    input: Type.Object({ id: Type.String() }),
    auth: auth as typeof authenticated,
    handle: ({ id }) => ({ id }),
  });

const table: readonly (readonly [name: string, auth: unknown, policy: string, code: string])[] = [
  ["one function", isOwner, "isOwner", "forbidden"],
  ["a list", [can("orders:read"), isOwner], "isOwner", "forbidden"],
  ["an alternative", { any: [can("orders:admin"), isOpen] }, "can(orders:admin) or isOpen", "forbidden"],
  ["a function that throws a refusal", throwsForbidden, "throwsForbidden", "forbidden"],
  ["a function without a name", [authenticated, () => false], "the function at auth[1]", "forbidden"],
  ["a scope", can("orders:admin"), "can(orders:admin)", "missing_scope"],
];

const call = async (app: TestApp, surface: string): Promise<Outcome> =>
  app.as(ana).call("getOrder", { id: "other" }, { surface });

test.each(table)(
  "S20: the log and the trail contain the name of the policy that refused a call: %s",
  async (_name, auth, policy, code) => {
    using folder = tempFolder();
    const app = await bootWithTrail({
      root: folder.root,
      handlers: { getOrder: withAuth(auth) },
      expose: { getOrder: { http: "GET /orders/:id" } },
      plugins: [http({ port: 0, authenticate: tokens({ ana }) })],
    });
    const base = app.services.get(httpRef).baseUrl;
    const response = await fetch(`${base}/orders/other`, { headers: { authorization: "Bearer ana" } });
    const sent = JSON.stringify([[...response.headers], await response.text()]);
    await call(app, "http");
    await app.stop();

    expect(response.status).toBe(403);
    if (code === "forbidden") expect(sent).not.toContain(policy); // a missing scope is told to the caller
    expect(sent).not.toContain("refusedBy");
    const refused = eventsIn(folder.root).filter(({ meta }) => meta.type === "call.refused");
    expect(refused.map(({ meta }) => [meta.errorCode, meta.policy])).toEqual([
      [code, policy],
      [code, policy],
    ]);
    const lines = app.log.filter(({ fields }) => fields["policy"] !== undefined);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({
      level: "info",
      message: `getOrder was refused by ${policy}`,
      fields: { code, policy, surface: "http", callId: refused[0]?.meta.callId },
    });
  },
);

test("S20: the log contains the name of a policy function that throws", async () => {
  using folder = tempFolder();
  const app = await bootWithTrail({
    root: folder.root,
    handlers: { getOrder: withAuth(breaks) },
    expose: { getOrder: { direct: true } },
    plugins: [(await import("quater/testing")).direct()],
  });
  const outcome = await call(app, "direct");
  await app.stop();
  expect(outcome).toMatchObject({ ok: false, error: { code: "internal" } });
  expect(app.log).toContainEqual(
    expect.objectContaining({ fields: expect.objectContaining({ hint: "The policy breaks threw an error" }) }),
  );
});

test("S20: when two policies throw the same error object, the log names the policy that threw it", async () => {
  const shared = ((): Error => {
    try {
      return forbidden("No");
    } catch (error) {
      return error as Error;
    }
  })();
  const first = (): boolean => {
    throw shared;
  };
  const second = (): boolean => {
    throw shared;
  };
  using folder = tempFolder();
  const app = await bootWithTrail({
    root: folder.root,
    handlers: { getOrder: withAuth(first), getBill: withAuth(second) },
    expose: { getOrder: { direct: true }, getBill: { direct: true } },
    plugins: [(await import("quater/testing")).direct()],
  });
  await app.as(ana).call("getOrder", { id: "1" });
  await app.as(ana).call("getBill", { id: "1" });
  await app.stop();
  expect(
    eventsIn(folder.root)
      .filter(({ meta }) => meta.type === "call.refused")
      .map(({ meta }) => meta.policy),
  ).toEqual(["first", "second"]);
});

test("S20: for many refused calls of one caller, Quater logs ten lines and then one line with a count", async () => {
  using folder = tempFolder();
  const app = await bootWithTrail({
    root: folder.root,
    handlers: { getOrder: withAuth(isOwner) },
    expose: { getOrder: { direct: true } },
    plugins: [(await import("quater/testing")).direct()],
  });
  for (let n = 0; n < 200; n++) await call(app, "direct");
  await app.stop();
  const lines = app.log.filter(({ fields }) => fields["policy"] === "isOwner");
  // The machine may be slow enough for a second window of ten seconds.
  expect(lines.length).toBeGreaterThanOrEqual(10);
  expect(lines.length).toBeLessThan(100);
});
