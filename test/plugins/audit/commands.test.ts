// `quater audit ...` as it is typed, on a project of its own.

import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { quater as program, project, type Typed } from "../cli/kit.ts";
import { eventsIn } from "./kit.ts";

// In JavaScript, because each command would load a manifest in TypeScript anew, and all of Quater with it.
const { folder: root, remove } = project({
  "things.mjs": `import { anyone, handler, Type } from "quater";
const about = { input: Type.Object({ id: Type.String() }), auth: anyone };
export const change = handler({ ...about, description: "Changes.", effect: "write", handle: ({ id }) => ({ id }) });
export const look = handler({ ...about, description: "Looks.", effect: "read", handle: ({ id }) => ({ id }) });
`,
  "quater.config.mjs": `import { defineConfig, expose } from "quater";
import { audit, cli, localUser, store } from "quater/plugins";
export default defineConfig({
  name: "things",
  handlers: [expose(() => import("./things.mjs"), { change: { cli: true }, look: { cli: true } })],
  plugins: [cli({ authenticate: localUser({ person: "ana", scopes: ["audit:erase"] }) }), store(), audit({ sinks: [{ file: "held.jsonl" }] })],
});
`,
});
afterAll(remove);
const database = join(root, ".quater/quater.db");
const quater = (words: string, typed: Typed = {}) => program(words.split(" "), { cwd: root, ...typed });
const linesOf = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const sql = (text: string) => {
  const file = openSqlite(database);
  file.run([{ sql: text, parameters: [] }]);
  file.close();
};

test.each([
  "audit verify",
  "audit tail",
  "audit tail --follow",
  "audit show --handler change",
  "audit export",
  "audit erase --handler change --reason x",
])("quater %s prints that a project has no trail, and creates no store", async (words) => {
  const { code, out, err } = await quater(words);
  expect([code, out, err]).toEqual([2, "", "The store has no trail yet. The first start of the server creates the trail.\n"]);
  expect(existsSync(join(root, ".quater"))).toBe(false);
});

test("quater audit tail and quater audit show find a call by the call id in the answer of the surface", async () => {
  expect((await quater("run change --id a")).code).toBe(0);
  expect((await quater("run look --id b")).code).toBe(0);
  const events = linesOf((await quater("audit tail")).out);
  expect(events.map(({ type }) => type)).toEqual([
    "runtime.started",
    "call.started",
    "call.ended",
    "runtime.stopped",
    ...["audit.checkpoint"],
    "runtime.started",
    "call.ended",
    "runtime.stopped",
  ]);
  const { callId } = events[1] as { callId: string };
  const shown = linesOf((await quater(`audit show ${callId}`)).out);
  expect(shown).toMatchObject([
    { type: "call.started", callId, handler: "change", surface: "cli", args: { id: "a" } },
    { type: "call.ended", callId, outcome: "succeeded" },
  ]);
  const text = (await quater(`audit show ${callId}`, { isTerminal: true })).out;
  expect(text).toContain("call.ended");
  expect(text).toContain('args  {"id":"a"}');
});

test("quater audit show and tail filter events by handler, principal, outcome, surface and time", async () => {
  const count = async (words: string) => linesOf((await quater(`audit show ${words}`)).out).length;
  expect(await count("--handler change")).toBe(2);
  expect(await count("--handler chang")).toBe(0);
  expect(await count("--principal ana --outcome succeeded")).toBe(2);
  expect(await count("--surface cli")).toBe(3);
  expect(await count("--surface cli --since 1h")).toBe(3);
  expect(await count("--surface cli --since 2200-01-01")).toBe(0);
  expect(linesOf((await quater("audit tail --lines 1 --handler change")).out)).toMatchObject([{ type: "call.ended" }]);
  expect(await quater("audit show")).toMatchObject({ code: 65 });
  expect(await quater("audit show --since yesterdayish")).toMatchObject({ code: 65 });
});

test("quater audit verify exits with 0 for a whole trail and with 2 for an unreadable trail, and verifies an export offline", async () => {
  const { code, out, err } = await quater("audit verify");
  expect([code, JSON.parse(out)]).toMatchObject([0, { isWhole: true, compared: 1, damage: [] }]);
  expect(err).toMatch(/^The trail is whole: \d+ events, 1 to \d+, 1 checkpoints signed by SHA256:/);
  const exported = await quater("audit export");
  const file = join(root, "export.jsonl");
  writeFileSync(file, exported.out);
  expect((await quater(`audit verify --file ${file}`)).code).toBe(0);
  writeFileSync(file, exported.out.replace('"id\\":\\"a\\"', '"id\\":\\"b\\"').replace("succeeded", "failed"));
  expect((await quater(`audit verify --file ${file}`)).code).toBe(1);
  expect((await quater("audit verify --file things.mjs")).code).toBe(2);
  expect((await quater("audit verify --against nowhere.jsonl")).code).toBe(2);
  expect(linesOf((await quater("audit tail --lines 3")).out)[0]).toMatchObject({ type: "audit.exported" });
  expect((await quater("audit verify --from 3")).code).toBe(0);
});

test("S10: quater audit verify exits with 3 when a sink is missing, emptied, cut, or attests another trail", async () => {
  const sink = join(root, "held.jsonl");
  const content = readFileSync(sink, "utf8");
  const lines = content.trimEnd().split("\n");
  const newest = JSON.parse(lines.at(-1) as string) as { head: string };
  const wrong: readonly (readonly [string | undefined, string])[] = [
    [undefined, "does not exist"],
    ["", "has no checkpoint"],
    [`${content.replaceAll('"size":', '"saze":')}`, "has no checkpoint"],
    [
      `${content}${(lines.at(-1) as string).replace(newest.head, "0".repeat(64))}\n`,
      "not signed by a checkpoint key of the key file",
    ],
  ];
  for (const [text, what] of wrong) {
    if (text === undefined) rmSync(sink);
    else writeFileSync(sink, text);
    const { code, err } = await quater("audit verify");
    expect([code, err], what).toEqual([3, expect.stringContaining(what)]);
    expect(err).toContain("the sinks do not confirm the trail");
  }
  writeFileSync(sink, content);
  expect((await quater("audit verify")).code).toBe(0);
});

test("quater audit erase removes the arguments of a call, records the erasure, and keeps the trail whole", async () => {
  expect(JSON.parse((await quater("audit erase --handler change --reason asked")).out)).toEqual({ erasedBodies: 1 });
  expect((await quater("audit show --handler change")).out).not.toContain('"args"');
  expect(eventsIn(root).find(({ meta }) => meta.type === "audit.erased")?.meta.detail).toMatchObject({
    bodies: [[2, 2]],
    reason: "asked",
  });
  expect((await quater("audit verify")).code).toBe(0);
  expect(await quater("audit erase --reason all")).toMatchObject({ code: 65 });
});

test("events that were written before a rotation of the trail keys still verify after the rotation", async () => {
  const before = (await quater("audit fingerprint")).out;
  const after = (await quater("audit rotate")).out;
  expect(after).toMatch(/^SHA256:[A-Za-z0-9+/]{43}\n$/);
  expect(after).not.toBe(before);
  await quater("run change --id c");
  expect((await quater("audit verify")).code).toBe(0);
  expect(
    readdirSync(join(root, ".quater"))
      .filter((name) => name.startsWith("trail-keys"))
      .sort(),
  ).toEqual(["trail-keys.json", "trail-keys.json.lock"]);
  const pinned = await quater(`audit verify --fingerprint SHA256:${"A".repeat(43)}`);
  expect([pinned.code, pinned.out]).toEqual([1, expect.stringContaining("unsigned")]);
});

test("O2: quater audit rotate --prepare prints a new fingerprint, and other instances block a rotation in one step", async () => {
  const before = (await quater("audit fingerprint")).out;
  const prepared = await quater("audit rotate --prepare");
  expect([prepared.code, prepared.out]).toEqual([0, expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}\n$/)]);
  expect(prepared.err).toContain("The new keys are not in use yet");
  expect((await quater("audit fingerprint")).out).toBe(before);
  expect(await quater("audit rotate --prepare")).toMatchObject({
    code: 69,
    err: expect.stringContaining("already has prepared keys"),
  });
  expect(await quater("audit rotate --prepare --activate")).toMatchObject({ code: 65 });
  await quater("run change --id d");
  const activated = await quater("audit rotate --activate");
  expect([activated.code, activated.out]).toEqual([0, prepared.out]);
  expect((await quater("audit fingerprint")).out).toBe(prepared.out);
  await quater("run change --id e");
  expect((await quater("audit verify")).code).toBe(0);
  sql("insert into audit_instance values ('other', 9999999999999, 0)");
  const refused = await quater("audit rotate");
  expect([refused.code, refused.out, refused.err]).toEqual([75, "", expect.stringContaining("audit rotate --prepare")]);
  expect(refused.err).toContain("other until 2286-11-20T17:46:39.999Z");
  expect(refused.err).toContain("--despite-leases");
  expect((await quater("audit fingerprint")).out).toBe(prepared.out);
  expect((await quater("audit rotate --despite-leases")).code).toBe(0);
  expect((await quater("audit fingerprint")).out).not.toBe(prepared.out);
  sql("delete from audit_instance where instance = 'other'");
});

test("quater audit verify exits with 1 for a damaged trail, and prints the place and the kind of the damage", async () => {
  sql("update audit_event set type = 'call.refused' where seq = 3");
  const { code, err } = await quater("audit verify");
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("altered: The columns of event 3 differ from the content of its meta column\n"),
  ]);
  sql("update audit_event set type = 'call.ended' where seq = 3");
  appendFileSync(join(root, "held.jsonl"), "a line cut by a cra");
  expect((await quater("audit verify")).code).toBe(0);
});
