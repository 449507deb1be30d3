// Each place for secrets contains a canary text. After calls of all kinds and outcomes, no event, log, error or page contains a
// canary.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { anyone, authenticated, conflict, handler, secret, Type } from "quater";
import { cli, http, mcp } from "quater/plugins";
import { principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { httpRef } from "../../../plugins/http/service.ts";
import { bootWithTrail, eventsIn, tempFolder } from "../audit/kit.ts";

const calls = Number(process.env["QUATER_SOAK_SECRETS"] ?? 2_000);
const canary = "canary-7f3a91";

const input = Type.Object({
  id: Type.String({ maxLength: 20 }),
  pin: secret(Type.String({ maxLength: 40 })),
  nested: Type.Optional(Type.Object({ key: secret(Type.String()), list: Type.Optional(Type.Array(secret(Type.String()))) })),
  password: Type.Optional(Type.String()),
  "x-api-key": Type.Optional(Type.String()),
  count: Type.Optional(Type.Integer()),
});
const given = (n: number) => ({
  id: `i${n}`,
  pin: `${canary}-pin`,
  nested: { key: `${canary}-key`, list: [`${canary}-1`, `${canary}-2`] },
  password: `${canary}-password`,
  "x-api-key": `${canary}-api`,
});
const about = { input, effect: "write" } as const;
const handlers = {
  fine: handler({ ...about, description: "Fine.", auth: authenticated, handle: ({ id }) => ({ id, token: `${canary}-out` }) }),
  conflicts: handler({ ...about, description: "Conflicts.", auth: authenticated, handle: () => conflict("It is gone") }),
  throws: handler({ ...about, description: "Throws.", auth: authenticated, handle: () => JSON.parse("{") }),
  badOutput: handler({
    ...about,
    description: "Breaks its output's schema.",
    output: Type.Object({ ok: Type.Boolean() }),
    auth: authenticated,
    handle: ({ pin }) => ({ ok: pin }) as never,
  }),
  refused: handler({ ...about, description: "Refused.", auth: () => false, handle: () => 1 }),
  looks: handler({ ...about, effect: "read", description: "Looks.", auth: anyone, handle: ({ id }) => ({ id }) }),
};

test(`after ${calls} mixed calls a marker text in every secret field appears in no log, trail or page`, async () => {
  using folder = tempFolder();
  const names = Object.keys(handlers);
  const app = await bootWithTrail({
    root: folder.root,
    handlers,
    expose: Object.fromEntries(names.map((name) => [name, { http: `POST /${name}`, mcp: true, cli: true, audit: "response" }])),
    plugins: [
      http({ port: 0, authenticate: tokens({ [`${canary}-token`]: principal() }) }),
      mcp({ authenticate: tokens({ [`${canary}-token`]: principal() }) }),
      cli({ authenticate: tokens({ [`${canary}-token`]: principal() }) }),
    ],
  });
  const baseUrl = app.services.get(httpRef).baseUrl ?? "";
  const texts: string[] = [];
  const post = async (name: string, body: string, token: string, more: Record<string, string> = {}) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...more };
    const response = await fetch(`${baseUrl}/${name}`, { method: "POST", headers, body });
    const text = await response.text();
    // The result of a handler may contain a canary. All other texts must not contain a canary.
    if (!response.ok) texts.push(text, JSON.stringify([...response.headers]));
  };
  const kinds: readonly ((name: string, n: number) => Promise<unknown>)[] = [
    (name, n) => post(name, JSON.stringify(given(n)), `${canary}-token`),
    (name, n) => post(name, JSON.stringify({ ...given(n), pin: `${canary}-${"x".repeat(50)}` }), `${canary}-token`),
    (name, n) => post(name, JSON.stringify({ ...given(n), nested: `${canary}-wrong-type` }), `${canary}-token`),
    (name, n) =>
      post(name, JSON.stringify({ ...given(n), count: `${canary}-no-number` }).replace("count", "pin2"), `${canary}-token`),
    (name, n) => post(name, JSON.stringify(given(n)), `${canary}-wrong-token`),
    (name, n) => post(name, JSON.stringify(given(n)), `${canary}-token`, { cookie: `session=${canary}-cookie` }),
    (name, n) => post(`__quater__/dry-run/${name}`, JSON.stringify(given(n)), `${canary}-token`),
    async (name, n) => {
      const seen = await app.acrossSurfaces(
        { handler: name, input: { json: JSON.stringify(given(n)) }, token: `${canary}-token` },
        [n % 2 === 0 ? "mcp" : "cli"],
      );
      texts.push(JSON.stringify(Object.values(seen).filter(({ ok }) => !ok)));
    },
  ];
  for (let n = 0; n < calls; n += 20) {
    const batch = Array.from({ length: 20 }, (_, at) =>
      kinds[(n + at) % kinds.length]?.(names[(n * 7 + at) % names.length] ?? "", n + at),
    );
    await Promise.all(batch);
  }
  for (const path of ["/openapi.json", "/health", "/ready"]) texts.push(await (await fetch(`${baseUrl}${path}`)).text());
  await app.stop();
  const events = eventsIn(folder.root);
  const troubles = app.log.filter(({ message }) => /trail|store/i.test(message) && !message.startsWith("audit() has no sinks"));
  expect(troubles).toEqual([]);
  expect(events.length).toBeGreaterThan(calls / 4);
  expect(events.map(({ row }) => JSON.stringify(row)).filter((text) => text.includes(canary))).toEqual([]);
  expect(app.log.map((line) => JSON.stringify(line)).filter((text) => text.includes(canary))).toEqual([]);
  expect(texts.filter((text) => text.includes(canary))).toEqual([]);
  // The files on the disk must not contain a canary, and neither must freed pages and the write-ahead log.
  const files = readdirSync(join(folder.root, ".quater")).map((name) => readFileSync(join(folder.root, ".quater", name)));
  expect(files.filter((content) => content.includes(canary))).toEqual([]);
});
