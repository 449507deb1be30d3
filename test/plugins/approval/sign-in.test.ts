// Signing in: keys, codes, sessions, and how often somebody may try.

import { join } from "node:path";
import type { Principal } from "quater";
import { apiKeys } from "quater/auth";
import type { OptionsOf } from "quater/plugin-api";
import type { store } from "quater/plugins";
import { afterAll, expect, test } from "vitest";
import { issueCode } from "../../../plugins/approval/page/codes.ts";
import { Sessions } from "../../../plugins/approval/page/session.ts";
import { Throttle } from "../../../plugins/approval/page/throttle.ts";
import { rotateKeys } from "../../../plugins/audit/log/keys.ts";
import { auditRef } from "../../../plugins/audit/service.ts";
import { createKey } from "../../../plugins/auth/commands.ts";
import { demoApproverKey } from "../../../plugins/auth/development.ts";
import { newKey } from "../../../plugins/auth/keyfile.ts";
import { storeRef } from "../../../plugins/store/service.ts";
import { eventsIn } from "../audit/kit.ts";
import { testPostgres } from "../store/postgres.ts";
import { bootShop, codeOn, formIn, people, type Shop, send, Visitor } from "./page-kit.ts";

const partsOf = ({ app }: Shop) => ({
  store: app.services.get(storeRef),
  audit: app.services.get(auditRef),
});

test("the sign-in page of approvals refuses a wrong key and records the attempt", async () => {
  await using shop = await bootShop();
  const answer = await new Visitor(shop.baseUrl).signIn({ key: "wrong" });
  expect([answer.status, codeOn(answer), answer.headers["www-authenticate"]]).toEqual([401, "invalid_token", "Bearer"]);
  expect(answer.headers["set-cookie"]).toBeUndefined();
  await shop.app.stop();
  const failed = eventsIn(shop.root).filter(({ meta }) => meta.type === "credential.failed");
  expect(failed.map(({ meta }) => [meta.surface, meta.errorCode])).toEqual([["approvals", "invalid_token"]]);
});

test("the sign-in page of approvals refuses a development key from another machine like an unknown key", async () => {
  const keys = apiKeys();
  await using shop = await bootShop({ approval: { authenticate: keys } });
  const demo = demoApproverKey(shop.root, ["finance"]);
  const bea = createKey(join(shop.root, ".quater/keys.json"), {
    name: "bea",
    kind: "user",
    person: "bea",
    scopes: [],
    roles: ["finance"],
  }).key;
  const answersTo = async (key: string) => {
    const signIn = await new Visitor(shop.baseUrl).signIn({ key });
    const api = await fetch(`${shop.baseUrl}/approvals/api/requests`, { headers: { authorization: `Bearer ${key}` } });
    const { detail } = (await api.json()) as { detail?: string };
    return [signIn.status, codeOn(signIn), signIn.body.includes("quater dev"), api.status, detail];
  };
  // The file has been read once a key of it is known.
  const known = { surface: "approvals", isLocal: false, header: () => undefined, cookie: () => undefined, token: bea };
  await expect.poll(() => keys.authenticate(known)).toMatchObject({ person: "bea" });
  expect(await answersTo(bea)).toEqual([303, undefined, false, 200, undefined]);
  const never = await answersTo(newKey().key);
  expect(never).toEqual([401, "invalid_token", false, 401, expect.stringMatching(/^The credential is unknown/)]);
  expect(await answersTo(demo)).toEqual(never);
});

test("the session cookie of the approvals page is encrypted, bound to its host over https, and not readable by scripts", async () => {
  await using plain = await bootShop();
  const [line = ""] = [(await new Visitor(plain.baseUrl).signIn({ key: "bea" })).headers["set-cookie"] ?? []].flat();
  expect(line).toMatch(/^quater-approvals=[\w-]+; Path=\/; HttpOnly; SameSite=Strict$/);
  expect(Buffer.from(/=([\w-]+);/.exec(line)?.[1] ?? "", "base64url").toString("latin1")).not.toContain("bea");
  for (const plugin of ["approval", "http"]) {
    await using safe = await bootShop({ [plugin]: { publicUrl: "https://127.0.0.1" } });
    const visit = await send(`${safe.baseUrl}/approvals/sign-in`, { headers: { "sec-fetch-site": "none" } });
    expect(visit.headers["set-cookie"]).toEqual([
      expect.stringMatching(/^__Host-quater-approvals=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Secure$/),
    ]);
  }
});

test("a sign-in to the approvals page starts a new session and ends the earlier session", async () => {
  await using shop = await bootShop();
  const bea = new Visitor(shop.baseUrl);
  await bea.get("/approvals/sign-in");
  const before = new Map(bea.cookies);
  expect(await bea.signIn({ key: "bea" })).toMatchObject({ status: 303 });
  expect(bea.cookies).not.toEqual(before);
  expect(await bea.get("/approvals")).toMatchObject({ status: 200 });
  const planted = new Visitor(shop.baseUrl);
  for (const [name, value] of before) planted.cookies.set(name, value);
  expect(await planted.get("/approvals")).toMatchObject({
    status: 303,
    headers: { location: "/approvals/sign-in?next=%2Fapprovals" },
  });
});

test("a sign-in form of the approvals page that the server made for another visitor signs nobody in", async () => {
  await using shop = await bootShop();
  const attacker = new Visitor(shop.baseUrl);
  const form = formIn((await attacker.get("/approvals/sign-in")).body);
  const victim = new Visitor(shop.baseUrl);
  for (const prepare of [async () => undefined, () => victim.get("/approvals/sign-in")]) {
    await prepare();
    const answer = await victim.post("/approvals/sign-in", { ...form, key: "cleo" });
    expect([answer.status, codeOn(answer)]).toEqual([403, "form_not_yours"]);
  }
  const own = formIn((await victim.get("/approvals/sign-in")).body);
  const foreign = await victim.post("/approvals/sign-in", { ...own, key: "cleo" }, { "sec-fetch-site": "cross-site" });
  expect([foreign.status, codeOn(foreign)]).toEqual([403, "origin_not_allowed"]);
});

test("a revoked key or a removed role takes effect at the next request in a session of the approvals page", async () => {
  const table: Record<string, Principal> = { ...people };
  await using shop = await bootShop({ people: table });
  const id = await shop.file(people.ana);
  const bea = new Visitor(shop.baseUrl);
  await bea.signIn({ key: "bea" });
  const fields = { ...formIn((await bea.get(`/approvals/${id}`)).body), verdict: "approve" };
  table["bea"] = { ...people.bea, roles: [] };
  const demoted = await bea.post(`/approvals/${id}/vote`, fields);
  expect([demoted.status, codeOn(demoted)]).toEqual([403, "approver_not_eligible"]);
  delete table["bea"];
  const revoked = await bea.post(`/approvals/${id}/vote`, fields);
  expect([revoked.status, codeOn(revoked)]).toEqual([401, "unauthenticated"]);
  expect(await bea.get("/approvals")).toMatchObject({ status: 303 });
  expect(await shop.approvals.show(people.cleo, id)).toMatchObject({ state: "pending", votes: [] });
});

test("a sign-out from the approvals page removes the session cookie, and needs a form token", async () => {
  await using shop = await bootShop();
  const bea = new Visitor(shop.baseUrl);
  await bea.signIn({ key: "bea" });
  const { form = "" } = formIn((await bea.get("/approvals")).body);
  const forged = await bea.post("/approvals/sign-out", { form: "" });
  expect([forged.status, codeOn(forged)]).toEqual([403, "form_not_yours"]);
  expect(await bea.post("/approvals/sign-out", { form })).toMatchObject({
    status: 303,
    headers: { "set-cookie": [expect.stringContaining("Max-Age=0")] },
  });
  expect(await bea.get("/approvals")).toMatchObject({ status: 303 });
});

test("a visitor who comes to the approvals page from another site gets a link to continue, and keeps the session cookie", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const path = `/approvals/${id}`;
  for (const site of ["cross-site", "same-site", undefined]) {
    const answer = await send(`${shop.baseUrl}${path}`, { headers: site === undefined ? {} : { "sec-fetch-site": site } });
    expect([answer.status, answer.headers["set-cookie"]]).toEqual([200, undefined]);
    expect(answer.body).toContain(`href="${path}?continued"`);
  }
  // A browser that never says where it comes from gets on by the step.
  const next = await send(`${shop.baseUrl}${path}?continued`);
  expect([next.status, next.headers["location"]]).toEqual([303, `/approvals/sign-in?next=${encodeURIComponent(path)}`]);
});

test("after the sign-in, the approvals page redirects visitors only to paths under /approvals", async () => {
  await using shop = await bootShop();
  for (const next of [
    "https://evil.example",
    "//evil.example",
    "/approvals/../admin",
    "/approvals\\@evil.example",
    "/elsewhere",
  ]) {
    expect(await new Visitor(shop.baseUrl).signIn({ key: "bea", next })).toMatchObject({ headers: { location: "/approvals" } });
  }
});

const postgres = await testPostgres();
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});
const places: readonly (readonly [string, () => Promise<OptionsOf<typeof store>>])[] = [
  ["SQLite", async () => ({})],
  ...(typeof postgres === "string" ? [] : [["PostgreSQL", async () => ({ url: await postgres.freshUrl() })] as const]),
];

test.each(places)("on %s, a sign-in code is valid once, and all other codes get the same answer", async (_name, placeOf) => {
  await using shop = await bootShop({ store: await placeOf() });
  const before = Date.now();
  const { code, expiresAt } = await issueCode(partsOf(shop), "bea");
  expect(code).toMatch(/^[2-9A-Z]{4}-[2-9A-Z]{4}$/);
  expect(expiresAt - before).toBeGreaterThanOrEqual(299_999); // the database may round
  const racers = Array.from({ length: 4 }, () => new Visitor(shop.baseUrl));
  const answers = await Promise.all(racers.map((racer) => racer.signIn({ code: code.toLowerCase() })));
  expect(answers.map(({ status }) => status).sort()).toEqual([303, 401, 401, 401]);
  expect(new Set(answers.filter(({ status }) => status === 401).map(codeOn))).toEqual(new Set(["sign_in_code_wrong"]));
  const winner = racers[answers.findIndex(({ status }) => status === 303)] as Visitor;
  expect((await winner.get("/approvals")).body).toContain("Signed in as");

  const late = await issueCode(partsOf(shop), "bea");
  const open = await partsOf(shop).store.open();
  await open.apply([{ sql: "update approval_page_code set expires_at = expires_at - 300000", parameters: [] }]);
  const expired = await new Visitor(shop.baseUrl).signIn({ code: late.code });
  expect([expired.status, codeOn(expired)]).toEqual([401, "sign_in_code_wrong"]);
});

test("the approvals page refuses a sign-in code after the API key that made the code was revoked", async () => {
  const table: Record<string, Principal> = { ...people };
  await using shop = await bootShop({ people: table });
  const { code } = await issueCode(partsOf(shop), "bea");
  delete table["bea"];
  const answer = await new Visitor(shop.baseUrl).signIn({ code });
  expect([answer.status, codeOn(answer)]).toEqual([401, "sign_in_code_wrong"]);
});

test("the store contains neither a sign-in code of the approvals page nor the API key that made the code", async () => {
  await using shop = await bootShop();
  const key = "bea";
  const { code } = await issueCode(partsOf(shop), key);
  const open = await partsOf(shop).store.open();
  const rows = await open.read<Record<string, unknown>>({ sql: "select * from approval_page_code", parameters: [] });
  expect(rows).toHaveLength(1);
  const text = JSON.stringify(rows);
  expect(text).not.toContain(code.replace("-", ""));
  expect(Buffer.from(String(rows[0]?.["sealed_key"]), "base64url").includes(key)).toBe(false);
});

test("after five failed sign-ins to the approvals page, a client address has to wait, even in a race", async () => {
  await using shop = await bootShop();
  const bea = new Visitor(shop.baseUrl);
  const form = formIn((await bea.get("/approvals/sign-in")).body);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, number) => bea.post("/approvals/sign-in", { ...form, code: `AAAA-AA${number + 10}` })),
  );
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
  const throttled = answers.filter(({ status }) => status === 429);
  expect(throttled).toHaveLength(15);
  expect(throttled.map(codeOn)).toEqual(throttled.map(() => "sign_in_throttled"));
  expect(Number(throttled[0]?.headers["retry-after"])).toBeGreaterThan(50);
  // Keys cannot be guessed, so that people who hold one do not wait.
  expect(await bea.signIn({ key: "bea" })).toMatchObject({ status: 303 });
});

test("the sign-in page of approvals refuses an API key that is too long for a session cookie, with a message", async () => {
  const long = "k".repeat(4_000);
  await using shop = await bootShop({ people: { ...people, [long]: people.bea } });
  const answer = await new Visitor(shop.baseUrl).signIn({ key: long });
  expect([answer.status, codeOn(answer)]).toEqual([422, "invalid_input"]);
});

test("the number of failed sign-ins from all client addresses together is limited per minute", () => {
  let now = 0;
  const throttle = new Throttle({ perPeer: 2, altogether: 5, windowMs: 60_000, now: () => now });
  const tried = (peer: string) => throttle.attempt(peer);
  expect([tried("a"), tried("a"), tried("a")]).toEqual([undefined, undefined, 60]);
  expect([tried("b"), tried("c"), tried("d"), tried("e")]).toEqual([undefined, undefined, undefined, 60]);
  throttle.succeeded("d");
  expect(tried("e")).toBeUndefined();
  now = 60_000;
  expect([tried("a"), tried("f")]).toEqual([undefined, undefined]);
});

test("a session of the approvals page ends after 30 minutes without a request, and after 8 hours in any case", () => {
  let now = 0;
  const sessions = new Sessions({ secrets: () => [Buffer.alloc(32, 1)], isHttps: true, now: () => now });
  const session = sessions.fresh("key");
  const sent = (line: string) => line.split(";")[0];
  let cookie = sent(sessions.cookieOf(session));
  expect(sessions.read(cookie)).toMatchObject({ token: "key" });
  now = 30 * 60_000;
  expect(sessions.read(cookie)).toBeUndefined();
  for (now = 0; now < 8 * 3_600_000; now += 29 * 60_000) {
    const read = sessions.read(cookie);
    expect(read, `${now}`).toMatchObject({ id: session.id });
    cookie = sent(sessions.cookieOf(read ?? session));
  }
  expect(sessions.read(cookie)).toBeUndefined();
  // Twice the same name, a strange text and another project's cookie are none.
  const fresh = sent(sessions.cookieOf(sessions.fresh("key")));
  expect(sessions.read(`${fresh}; ${fresh}`)).toBeUndefined();
  expect(sessions.read(`${sessions.cookieName}=AAAA`)).toBeUndefined();
  const other = new Sessions({ secrets: () => [Buffer.alloc(32, 2)], isHttps: true, now: () => now });
  expect(other.read(fresh)).toBeUndefined();
});

test("O2: after a rotation of the trail keys, sessions, forms and sign-in codes of the approvals page stay valid", async () => {
  const [old, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  let secrets = [old];
  const sessions = new Sessions({ secrets: () => secrets, isHttps: true });
  const session = sessions.fresh("key");
  const cookie = sessions.cookieOf(session).split(";")[0];
  const form = sessions.formToken(session, "bea");
  secrets = [next, old];
  expect(sessions.read(cookie)).toMatchObject({ id: session.id });
  expect(sessions.isFormToken(session, "bea", form)).toBe(true);
  expect(sessions.formToken(session, "bea")).not.toBe(form);
  secrets = [next];
  expect(sessions.read(cookie)).toBeUndefined();
  expect(sessions.isFormToken(session, "bea", form)).toBe(false);

  await using shop = await bootShop();
  const { code } = await issueCode(partsOf(shop), "bea");
  const keys = join(shop.root, ".quater/trail-keys.json");
  const before = partsOf(shop).audit.deriveSecret("x");
  rotateKeys(keys);
  while (partsOf(shop).audit.deriveSecret("x").equals(before)) await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await new Visitor(shop.baseUrl).signIn({ code })).status).toBe(303);
});
