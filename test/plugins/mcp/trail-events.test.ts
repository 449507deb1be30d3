// The events that the trail contains for each call on each surface and for each refusal, as literals.

import { anyone, authenticated, can, conflict, handler, secret, Type } from "quater";
import type { Arriving } from "quater/plugin-api";
import { cli, http, mcp } from "quater/plugins";
import { principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { bootWithTrail, eventsIn, type Recorded, tempFolder } from "../audit/kit.ts";

const ana = principal({ scopes: ["things:change"] });
const bob = principal({ subject: "bob" });
const who = tokens({ ana, bob });

const input = Type.Object({ id: Type.String({ maxLength: 10 }), pin: Type.Optional(secret(Type.String())) });
const thing = handler({
  description: "Changes it.",
  effect: "write",
  input,
  auth: can("things:change"),
  handle: ({ id }) => ({ id }),
});
const look = handler({ description: "Looks.", effect: "read", input, auth: authenticated, handle: ({ id }) => ({ id }) });
const full = handler({
  description: "All of it.",
  effect: "destructive",
  input,
  auth: anyone,
  handle: ({ id }) => ({ id, token: "t0p" }),
});
const fails = handler({
  description: "Fails.",
  effect: "write",
  input,
  auth: anyone,
  handle: ({ id }) => (id === "known" ? conflict("It is gone") : JSON.parse("{")),
});

const boot = (root: string) =>
  bootWithTrail({
    root,
    handlers: { thing, look, full, fails },
    expose: {
      thing: { http: "POST /things", mcp: true, cli: true },
      look: { http: { route: "GET /things/:id", bind: { pin: "header:x-pin" } }, mcp: true, cli: true },
      full: { direct: true, audit: "response" },
      fails: { direct: true },
    },
    plugins: [http({ port: 0, authenticate: who }), mcp({ authenticate: who }), cli({ authenticate: who })],
  });

/** Removes the values that differ in each run, and replaces each call id by the position of its first appearance. */
const plain = (events: readonly Recorded[]): readonly object[] => {
  const calls: string[] = [];
  return events.map(({ meta, body }) => {
    const { at, seq, instance, key, schema, argsTag, resultTag, durationMs, callId, v, detail, ...said } = meta;
    expect([at, seq, instance, key, v]).toEqual([
      expect.any(Number),
      expect.any(Number),
      expect.stringMatching(/^[0-9a-f]{12}$/),
      expect.stringMatching(/^chain-/),
      2,
    ]);
    if (callId !== undefined && !calls.includes(callId)) calls.push(callId);
    return {
      ...said,
      ...(callId === undefined ? {} : { call: calls.indexOf(callId) }),
      ...(schema === undefined ? {} : { schema: schema.slice(0, 7) }),
      ...(argsTag === undefined ? {} : { argsTag: argsTag.slice(0, 9) }),
      ...(resultTag === undefined ? {} : { resultTag: resultTag.slice(0, 9) }),
      ...(durationMs === undefined ? {} : { took: durationMs >= 0 }),
      ...(body === undefined ? {} : { body }),
    };
  });
};

const callsOf = (events: readonly Recorded[]) => plain(events.filter(({ meta }) => /^(?:call|credential)\./.test(meta.type)));

const asAna = { credential: "test:ana", issuer: "test", kind: "user", person: "ana", subject: "ana" };
const asAgent = { actsFor: "ana", credential: "test:ana", issuer: "test", kind: "agent", subject: "ana" };
const asBob = { credential: "test:bob", issuer: "test", kind: "user", person: "bob", subject: "bob" };
const hashed = { schema: "sha256:", argsTag: "hmac:tag-" };

test("a write over each surface records the same two events on the trail, the start and the end of the call", async () => {
  using folder = tempFolder();
  const app = await boot(folder.root);
  await app.acrossSurfaces({ handler: "thing", input: { json: '{"id":"a"}' }, token: "ana" }, ["http", "mcp", "cli"]);
  await app.stop();
  const written = (call: number, surface: string, more: object) => [
    { type: "call.started", call, handler: "thing", surface, ...hashed, ...more, body: { args: { id: "a" } } },
    { type: "call.ended", call, handler: "thing", surface, ...hashed, ...more, outcome: "succeeded", took: true },
  ];
  expect(callsOf(eventsIn(folder.root))).toEqual([
    ...written(0, "http", { principal: asAna, peer: "127.0.0.1" }),
    ...written(1, "mcp", { principal: asAgent, peer: "127.0.0.1" }),
    ...written(2, "cli", { principal: asAna }),
  ]);
});

test("a read over mcp or cli records one event on the trail, and a read over http records no event", async () => {
  using folder = tempFolder();
  const app = await boot(folder.root);
  await app.acrossSurfaces({ handler: "look", input: { text: { id: "a" } }, token: "ana" }, ["http"]);
  await app.acrossSurfaces({ handler: "look", input: { json: '{"id":"a"}' }, token: "ana" }, ["mcp", "cli"]);
  await app.stop();
  const read = { type: "call.ended", handler: "look", ...hashed, outcome: "succeeded", took: true };
  expect(callsOf(eventsIn(folder.root))).toEqual([
    { ...read, call: 0, surface: "mcp", principal: asAgent, peer: "127.0.0.1" },
    { ...read, call: 1, surface: "cli", principal: asAna },
  ]);
});

const call = (app: TestApp, name: string, given: object, as = ana, how = {}) => app.as(as).send(name, given, how);

test("the trail records each kind of refusal and error as a separate event", async () => {
  using folder = tempFolder();
  const app = await boot(folder.root);
  const gate = kernelOf(app);
  const credentials = { surface: "http", header: () => undefined, isLocal: false, peer: "10.0.0.1" };
  const knock = async (entry: Omit<Arriving, "callId">) => gate.enter({ ...entry, callId: gate.newCallId() });
  await expect(knock({ surface: "http", handler: "thing", credentials })).rejects.toThrow("needs a credential");
  await expect(knock({ surface: "mcp", credentials: { ...credentials, surface: "mcp", token: "?" } })).rejects.toThrow(
    "The credential is unknown",
  );
  await call(app, "thing", { id: "a" }, bob, { surface: "http" });
  await call(app, "thing", { id: "far too long for it" }, ana, { surface: "http" });
  await call(app, "thing", { id: "a", more: 1 }, ana, { surface: "http" });
  await call(app, "nothing", {}, ana, { surface: "http" });
  await call(app, "fails", { id: "known" });
  await call(app, "fails", { id: "bug" });
  await call(app, "thing", { id: "a" }, ana, { surface: "http", dryRun: true });
  await app.stop();
  const refused = { outcome: "refused", surface: "http" };
  const thingRefused = { ...refused, type: "call.refused", handler: "thing", schema: "sha256:", took: true };
  const failed = { handler: "fails", surface: "direct", principal: asAna, ...hashed };
  expect(callsOf(eventsIn(folder.root))).toEqual([
    { ...refused, type: "credential.failed", call: 0, handler: "thing", errorCode: "unauthenticated", peer: "10.0.0.1" },
    { ...refused, type: "credential.failed", call: 1, surface: "mcp", errorCode: "invalid_token", peer: "10.0.0.1" },
    { ...thingRefused, call: 2, principal: asBob, errorCode: "missing_scope", policy: "can(things:change)" },
    { ...thingRefused, call: 3, principal: asAna, errorCode: "invalid_input" },
    { ...thingRefused, call: 4, principal: asAna, errorCode: "unknown_field" },
    { ...refused, type: "call.refused", call: 5, principal: asAna, errorCode: "unknown_handler", took: true },
    { ...failed, type: "call.started", call: 6, body: { args: { id: "known" } } },
    { ...failed, type: "call.ended", call: 6, outcome: "failed", errorCode: "conflict", took: true },
    { ...failed, type: "call.started", call: 7, body: { args: { id: "bug" } } },
    { ...failed, type: "call.ended", call: 7, outcome: "failed", errorCode: "internal", took: true },
  ]);
});

test("the trail contains results if the exposure requests results, and masks secrets and suspicious fields", async () => {
  using folder = tempFolder();
  const app = await boot(folder.root);
  await call(app, "full", { id: "a", pin: "1234" });
  await app.stop();
  const [started, ended] = eventsIn(folder.root).filter(({ meta }) => meta.handler === "full");
  expect(started?.body).toEqual({ args: { id: "a", pin: expect.stringMatching(/^hmac:tag-[0-9a-f]{6}:[0-9a-f]{16}$/) } });
  expect(ended?.body).toEqual({ result: { id: "a", token: "[masked]" } });
  expect(ended?.meta.resultTag).toMatch(/^hmac:tag-[0-9a-f]{6}:[0-9a-f]{64}$/);
});

test("the trail records runtime.started with versions, and runtime.stopped with a signed checkpoint", async () => {
  using folder = tempFolder();
  const app = await boot(folder.root);
  await app.stop();
  const [started, stopped, checkpoint] = eventsIn(folder.root);
  expect(started?.meta).toMatchObject({
    type: "runtime.started",
    detail: {
      app: { name: "test", version: "0.0.0" },
      command: "test",
      manifest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      plugins: expect.arrayContaining([
        { name: "http", options: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
        { name: "audit", options: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
      ]),
      quater: expect.stringMatching(/^\d+\.\d+\.\d+/),
    },
  });
  expect(stopped?.meta.type).toBe("runtime.stopped");
  expect(checkpoint?.meta).toMatchObject({ type: "audit.checkpoint", detail: { size: 2, head: stopped?.row.hash } });
});

test("the trail contains the first refusals of a caller one by one, and then a count of further refusals", async () => {
  using folder = tempFolder();
  const app = await boot(folder.root);
  for (let n = 0; n < 1_000; n++) await call(app, "thing", { id: "a" }, bob, { surface: "http" });
  await app.stop();
  const refused = eventsIn(folder.root).filter(({ meta }) => meta.type === "call.refused");
  expect(refused).toHaveLength(11);
  expect(refused.at(-1)?.meta).toMatchObject({ count: 990, errorCode: "missing_scope", principal: asBob });
});

test("the events of parallel calls on the trail contain only data of their own call", async () => {
  using folder = tempFolder();
  const app = await boot(folder.root);
  const people = Array.from({ length: 20 }, (_, n) => principal({ subject: `p${n}`, scopes: ["things:change"] }));
  const outcomes = await Promise.all(
    Array.from({ length: 400 }, async (_, n) => {
      const outcome = await call(app, "thing", { id: `i${n}` }, people[n % 20], { surface: "http" });
      return [outcome.callId, { id: `i${n}`, subject: `p${n % 20}` }] as const;
    }),
  );
  await app.stop();
  const events = eventsIn(folder.root);
  for (const [callId, { id, subject }] of outcomes) {
    const own = events.filter(({ meta }) => meta.callId === callId);
    expect(own.map(({ meta }) => [meta.type, meta.principal?.subject])).toEqual([
      ["call.started", subject],
      ["call.ended", subject],
    ]);
    expect(own[0]?.body).toEqual({ args: { id } });
    expect(own[0]?.meta.argsTag).toBe(own[1]?.meta.argsTag);
  }
});

test('boot accepts audit: "off" in an exposure only for handlers with the effect read', async () => {
  using folder = tempFolder();
  const off = (audit: string) =>
    bootWithTrail({ root: folder.root, handlers: { thing }, expose: { thing: { direct: true, audit } } });
  await expect(off("off")).rejects.toThrow('The exposure of thing sets audit: "off", but the effect of thing is "write"');
  await expect(off("everything")).rejects.toThrow(/audit/);
});

test('the trail records no successful call of a read with audit: "off", but records refused calls of the read', async () => {
  using folder = tempFolder();
  const app = await bootWithTrail({
    root: folder.root,
    handlers: { look },
    expose: { look: { direct: true, audit: "off" } },
  });
  await call(app, "look", { id: "a" });
  await call(app, "look", { id: "far too long for it" });
  await app.stop();
  expect(callsOf(eventsIn(folder.root))).toMatchObject([{ type: "call.refused", errorCode: "invalid_input" }]);
});
