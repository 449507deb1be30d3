// The page on a real socket: who sees what, and what it refuses.

import type { Principal } from "quater";
import { localUser } from "quater/plugins";
import { principal } from "quater/testing";
import { expect, test } from "vitest";
import { bootShop, codeOn, formIn, handled, people, type Shop, send, Visitor } from "./page-kit.ts";

const signedIn = async (shop: Shop, key: string): Promise<Visitor> => {
  const visitor = new Visitor(shop.baseUrl);
  expect(await visitor.signIn({ key })).toMatchObject({ status: 303 });
  return visitor;
};

/** As the page's own form sends it. */
const fieldsOf = async (visitor: Visitor, id: string, verdict = "approve"): Promise<Record<string, string>> => ({
  ...formIn((await visitor.get(`/approvals/${id}`)).body),
  verdict,
});

const stateOf = async ({ approvals }: Shop, id: string): Promise<string> => (await approvals.show(people.bea, id)).state;

test("an approver can sign in to the approvals page, read a whole approval request and approve the request", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const bea = new Visitor(shop.baseUrl);
  expect(await bea.signIn({ key: "bea", next: `/approvals/${id}` })).toMatchObject({
    status: 303,
    headers: { location: `/approvals/${id}` },
  });
  expect((await bea.get("/approvals")).body).toContain(`href="/approvals/${id}"`);
  const page = await bea.get(`/approvals/${id}`);
  for (const shown of ["refundOrder", "Refund a paid order.", "/orderId", "ord_1001", "/amountCents", "4200", "42.00 EUR", "ana"])
    expect(page.body).toContain(shown);
  expect(await bea.post(`/approvals/${id}/vote`, await fieldsOf(bea, id))).toMatchObject({
    status: 303,
    headers: { location: `/approvals/${id}` },
  });
  expect((await bea.get(`/approvals/${id}`)).body).toContain("1 of 1 approvals given");
  const before = handled.length;
  const input = { orderId: "ord_1001", amountCents: 4_200 };
  const call = () => shop.app.as(people.ana).call("refundOrder", input, { surface: "direct" });
  expect(await call()).toMatchObject({ ok: true });
  expect(await call()).toMatchObject({ ok: false, error: { code: "approval_required" } });
  expect(handled.length - before).toBe(1);
  const [next] = await shop.approvals.list(people.bea, { states: ["pending"] });
  expect((await bea.get(`/approvals/${next?.id}`)).body).toMatch(new RegExp(`${id}</a>, [^<]*: used, succeeded`));
});

test("the approvals page shows a requester the reason of a denial, and lets an approver revoke an approval", async () => {
  await using shop = await bootShop();
  const [denied, revoked] = [await shop.file(people.ana), await shop.file(people.ana, { orderId: "ord_2", amountCents: 1 })];
  const bea = await signedIn(shop, "bea");
  await bea.post(`/approvals/${denied}/vote`, { ...(await fieldsOf(bea, denied, "deny")), reason: "not this one" });
  expect(await shop.approvals.statusOf(people.ana, "direct", denied)).toMatchObject({ status: "denied", reason: "not this one" });
  await bea.post(`/approvals/${revoked}/vote`, await fieldsOf(bea, revoked));
  const { form = "" } = formIn((await bea.get(`/approvals/${revoked}`)).body);
  expect(await bea.post(`/approvals/${revoked}/revocation`, { form, reason: "too late" })).toMatchObject({ status: 303 });
  expect(await stateOf(shop, revoked)).toBe("revoked");
});

test("every HTTP answer of the approvals page forbids scripts, frames, caching and forms of other sites", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const bea = await signedIn(shop, "bea");
  for (const path of [
    "/approvals",
    `/approvals/${id}`,
    "/approvals/sign-in",
    "/approvals/nothing/here",
    "/approvals/style.css",
  ]) {
    const { headers } = await bea.get(path);
    expect(headers, path).toMatchObject({
      "content-security-policy":
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cache-control": path.endsWith(".css") ? "max-age=300" : "no-store",
    });
  }
  expect((await bea.get(`/approvals/${id}`)).body).not.toMatch(/<script|style=|onclick|javascript:/i);
});

test("the approvals page escapes texts from callers and isolates the writing direction of these texts", async () => {
  await using shop = await bootShop();
  const reason = `</bdi><script>alert(1)</script><a href="https://evil.example">ok</a> \u202egnihton\u200b & "more" 'quotes'`;
  const id = await shop.file(people.ana, { orderId: "<b>1</b>", amountCents: 1, reason });
  const { body } = await (await signedIn(shop, "bea")).get(`/approvals/${id}`);
  expect(body).not.toMatch(/<script|<b>|evil\.example">/);
  expect(body).toContain(
    '<bdi class="value">&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;a href=&quot;https://evil.example&quot;&gt;ok&lt;/a&gt; \\u{202e}gnihton\\u{200b} &amp; &quot;more&quot; &#39;quotes&#39;</bdi>',
  );
  expect(body).not.toMatch(/[\u202e\u200b]/);
});

test("approvers can approve a request that is too long for the short view only in the full view", async () => {
  await using shop = await bootShop();
  const reason = `${"a ".repeat(400)}the end`;
  const id = await shop.file(people.ana, { orderId: "1", amountCents: 1, reason });
  const bea = await signedIn(shop, "bea");
  const short = (await bea.get(`/approvals/${id}`)).body;
  expect(short).toContain("cut: 807 characters, SHA-256");
  expect(short).not.toContain(">Approve<");
  expect(short).toContain(">Deny<");
  const full = (await bea.get(`/approvals/${id}?view=full`)).body;
  expect(full).toContain(reason);
  expect(full).toContain(">Approve<");
});

test("the approvals page refuses a form that another site sends", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const bea = await signedIn(shop, "bea");
  const fields = await fieldsOf(bea, id);
  for (const headers of [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "none" },
    { origin: shop.baseUrl.replace("127.0.0.1", "localhost") },
  ]) {
    const answer = await bea.post(`/approvals/${id}/vote`, fields, headers);
    expect([answer.status, codeOn(answer)], JSON.stringify(headers)).toEqual([403, "origin_not_allowed"]);
  }
  // Neither of the two headers that browsers send: not a browser of ours.
  const silent = await send(`${shop.baseUrl}/approvals/${id}/vote`, {
    method: "POST",
    headers: {
      cookie: [...bea.cookies].map((pair) => pair.join("=")).join(),
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams(fields).toString(),
  });
  expect([silent.status, codeOn(silent)]).toEqual([403, "origin_not_allowed"]);
  expect(await stateOf(shop, id)).toBe("pending");
});

test("a GET request to the approvals page never votes on an approval request", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const bea = await signedIn(shop, "bea");
  const query = new URLSearchParams(await fieldsOf(bea, id));
  for (const path of [`/approvals/${id}/vote`, `/approvals/${id}/revocation`, "/approvals/sign-out"]) {
    const answer = await bea.get(`${path}?${query}`);
    expect([answer.status, codeOn(answer), answer.headers["allow"]]).toEqual([405, "method_not_allowed", "POST"]);
  }
  await bea.get(`/approvals/${id}?${query}`);
  expect(await stateOf(shop, id)).toBe("pending");
});

test("the approvals page refuses a form without a form token, with the token of another visitor, or with a token from before the sign-in", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const [bea, cleo] = [await signedIn(shop, "bea"), await signedIn(shop, "cleo")];
  const { form: _missing, ...without } = await fieldsOf(bea, id);
  const before = await fieldsOf(bea, id);
  expect(await bea.signIn({ key: "bea" })).toMatchObject({ status: 303 });
  for (const fields of [without, { ...without, form: "" }, await fieldsOf(cleo, id), before]) {
    const answer = await bea.post(`/approvals/${id}/vote`, fields);
    expect([answer.status, codeOn(answer)]).toEqual([403, "form_not_yours"]);
  }
  expect(await stateOf(shop, id)).toBe("pending");
});

test("the approvals page accepts only form bodies, and refuses a form with a repeated field", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const bea = await signedIn(shop, "bea");
  const fields = await fieldsOf(bea, id);
  const json = await bea.post(`/approvals/${id}/vote`, fields, { "content-type": "text/plain" });
  expect([json.status, codeOn(json)]).toEqual([415, "unsupported_media_type"]);
  const large = await bea.post(`/approvals/${id}/vote`, { ...fields, reason: "a".repeat(20_000) });
  expect([large.status, codeOn(large)]).toEqual([413, "too_large"]);
  const long = await bea.post(`/approvals/${id}/vote`, { ...fields, reason: "a".repeat(501) });
  expect([long.status, codeOn(long)]).toEqual([422, "invalid_input"]);
  const odd = await bea.post(`/approvals/${id}/vote`, { ...fields, verdict: "maybe" });
  expect([odd.status, codeOn(odd)]).toEqual([422, "invalid_input"]);
  const cookie = [...bea.cookies].map((pair) => pair.join("=")).join("; ");
  const twice = await send(`${shop.baseUrl}/approvals/${id}/vote`, {
    method: "POST",
    headers: { cookie, origin: shop.baseUrl, "content-type": "application/x-www-form-urlencoded" },
    body: `${new URLSearchParams(fields)}&verdict=deny`,
  });
  expect([twice.status, codeOn(twice)]).toEqual([422, "invalid_input"]);
  expect(await stateOf(shop, id)).toBe("pending");
});

test("the approvals page refuses a vote with a digest that differs from the digest of the approval request", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const bea = await signedIn(shop, "bea");
  const answer = await bea.post(`/approvals/${id}/vote`, { ...(await fieldsOf(bea, id)), digest: `sha256:${"0".repeat(64)}` });
  expect([answer.status, codeOn(answer)]).toEqual([409, "approval_digest_changed"]);
  expect(await stateOf(shop, id)).toBe("pending");
});

test("the approvals page accepts the same vote of one person again without effect, and refuses a different second vote", async () => {
  const policies = { finance: { approvers: [{ role: "finance", need: 2 }] } };
  await using shop = await bootShop({ approval: { policies } });
  const id = await shop.file(people.ana);
  const bea = await signedIn(shop, "bea");
  const fields = await fieldsOf(bea, id);
  for (const _time of [1, 2]) expect(await bea.post(`/approvals/${id}/vote`, fields)).toMatchObject({ status: 303 });
  expect((await shop.approvals.show(people.bea, id)).votes).toHaveLength(1);
  const answer = await bea.post(`/approvals/${id}/vote`, { ...fields, verdict: "deny" });
  expect([answer.status, codeOn(answer)]).toEqual([409, "approval_vote_differs"]);
  expect((await bea.get(`/approvals/${id}`)).body).toContain("you have already approved this request");
});

test("the approvals page shows a requester why the requester cannot vote, and refuses the vote", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const ana = await signedIn(shop, "ana");
  const { body } = await ana.get(`/approvals/${id}`);
  expect(body).toContain("You cannot decide this");
  expect(body).not.toMatch(/>Approve<|>Deny</);
  const { form = "" } = formIn(body); // of signing out: the same for all forms of one session
  const { digest } = await shop.approvals.show(people.bea, id);
  const answer = await ana.post(`/approvals/${id}/vote`, { form, digest, verdict: "approve" });
  expect([answer.status, codeOn(answer)]).toEqual([403, "approver_not_eligible"]);
  expect(await stateOf(shop, id)).toBe("pending");
});

test("an agent's key, a person without a role in any policy, and the local user cannot vote on the approvals page", async () => {
  await using shop = await bootShop();
  for (const key of ["robot", "dan"]) {
    const visitor = new Visitor(shop.baseUrl);
    const answer = await visitor.signIn({ key });
    expect([answer.status, codeOn(answer)], key).toEqual([403, "approver_not_eligible"]);
    expect(await visitor.get("/approvals")).toMatchObject({ status: 303 });
  }
  await using local = await bootShop({ approval: { authenticate: localUser({ person: "bea", roles: ["finance"] }) } });
  const visitor = new Visitor(local.baseUrl);
  const answer = await visitor.signIn({ key: "anything" });
  expect([answer.status, codeOn(answer)]).toEqual([401, "invalid_token"]);
});

test("a principal from localUser() cannot vote on approval requests", async () => {
  const table: Record<string, Principal> = {
    ...people,
    olga: principal({ issuer: "local", subject: "olga", roles: ["finance"] }),
  };
  await using shop = await bootShop({ people: table });
  const answer = await new Visitor(shop.baseUrl).signIn({ key: "olga" });
  expect([answer.status, codeOn(answer)]).toEqual([403, "approver_not_eligible"]);
});

test("the approvals page answers unknown requests and paths with 404, and wrong methods with 405", async () => {
  await using shop = await bootShop();
  const bea = await signedIn(shop, "bea");
  const unknown = await bea.get(`/approvals/apr_${"a".repeat(20)}`);
  expect([unknown.status, codeOn(unknown)]).toEqual([404, "approval_not_found"]);
  const nowhere = await bea.get("/approvals/a/b/c");
  expect([nowhere.status, codeOn(nowhere)]).toEqual([404, "route_not_found"]);
  const put = await send(`${shop.baseUrl}/approvals`, { method: "PUT" });
  expect([put.status, codeOn(put), put.headers["allow"]]).toEqual([405, "method_not_allowed", "GET"]);
  expect((await send(`${shop.baseUrl}/approvalsome`)).status).toBe(404);
});

test("the list on the approvals page has a link to older approval requests", async () => {
  await using shop = await bootShop({ approval: { maxPending: 100 } });
  const ids: string[] = [];
  for (let number = 0; number < 22; number++) {
    const id = await shop.file(people.ana, { orderId: `ord_${number}`, amountCents: 1 });
    await shop.approvals.cancel(people.ana, "direct", id);
    ids.push(id);
  }
  const bea = await signedIn(shop, "bea");
  const linksIn = (text: string) => [...text.matchAll(/<a href="\/approvals\/(apr_[a-z2-7]{20})"/g)].map(([, id]) => id);
  const first = (await bea.get("/approvals")).body;
  expect(linksIn(first)).toHaveLength(20);
  const [, older = ""] = /href="(\/approvals\?[^"]*before=[^"]+)"/.exec(first) ?? [];
  const second = (await bea.get(older.replaceAll("&amp;", "&"))).body;
  expect(second).not.toContain("Pending requests");
  expect(new Set([...linksIn(first), ...linksIn(second)])).toEqual(new Set(ids));
});
