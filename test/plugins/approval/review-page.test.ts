// The page and its API as somebody meets them who would rather not be a browser: every other way to send a vote or to guess
// a code.

import { expect, test } from "vitest";
import { eventsIn } from "../audit/kit.ts";
import { bootShop, codeOn, formIn, people, send, Visitor } from "./page-kit.ts";

test("the trail records sign-ins to the approvals page with wrong codes and wrong keys", async () => {
  await using shop = await bootShop();
  expect(codeOn(await new Visitor(shop.baseUrl).signIn({ code: "AAAA-AAAA" }))).toBe("sign_in_code_wrong");
  await shop.app.stop();
  const failed = eventsIn(shop.root).filter(({ meta }) => meta.type === "credential.failed");
  expect(failed.map(({ meta }) => [meta.surface, meta.errorCode])).toEqual([["approvals", "invalid_token"]]);
});

test("the field for sign-in codes on the sign-in page of approvals does not accept API keys", async () => {
  await using shop = await bootShop({ people: { AAAAAAAA: people.bea } });
  const answer = await new Visitor(shop.baseUrl).signIn({ code: "AAAAAAAA" });
  expect([answer.status, codeOn(answer), answer.headers["set-cookie"]]).toEqual([401, "sign_in_code_wrong", undefined]);
});

test("a visitor gets no additional attempts with a sign-in code by a forged X-Forwarded-For header or a wrong key", async () => {
  await using shop = await bootShop();
  const visitor = new Visitor(shop.baseUrl);
  const form = formIn((await visitor.get("/approvals/sign-in")).body);
  const codes: (string | undefined)[] = [];
  for (const [n, code] of ["AAAAAAAA", "AAAAAAAC", "AAAAAAAD", "AAAAAAAE", "AAAAAAAF", "AAAAAAAG", "AAAAAAAH"].entries()) {
    const from = { "x-forwarded-for": `10.0.0.${n}` };
    codes.push(codeOn(await visitor.post("/approvals/sign-in", { ...form, key: "wrong" }, from)));
    codes.push(codeOn(await visitor.post("/approvals/sign-in", { ...form, code }, from)));
  }
  expect(codes.filter((_, index) => index % 2 === 0)).toEqual(Array.from({ length: 7 }, () => "invalid_token"));
  expect(codes.filter((_, index) => index % 2 === 1)).toEqual([
    ...Array.from({ length: 5 }, () => "sign_in_code_wrong"),
    "sign_in_throttled",
    "sign_in_throttled",
  ]);
});

test("when many visitors use one sign-in code at the same time, one of them signs in", async () => {
  await using shop = await bootShop();
  const { issueCode } = await import("../../../plugins/approval/page/codes.ts");
  const { auditRef } = await import("quater/audit");
  const { storeRef } = await import("quater/store");
  const { services } = shop.app;
  const { code } = await issueCode({ store: services.get(storeRef), audit: services.get(auditRef) }, "bea");
  const visitor = new Visitor(shop.baseUrl);
  const form = formIn((await visitor.get("/approvals/sign-in")).body);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => visitor.post("/approvals/sign-in", { ...form, code: code.toLowerCase() })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([303, 401, 401, 401, 401]);
});

test("a vote on the approvals page needs POST, a form body and the right Host", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.robot);
  const visitor = new Visitor(shop.baseUrl);
  await visitor.signIn({ key: "bea" });
  const form = { ...formIn((await visitor.get(`/approvals/${id}`)).body), verdict: "approve" };
  const { host } = new URL(shop.baseUrl);
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = {
    cookie,
    host,
    connection: "close",
    origin: shop.baseUrl,
    "sec-fetch-site": "same-origin",
    "content-type": "application/x-www-form-urlencoded",
  };
  const body = new URLSearchParams(form).toString();
  const post = { method: "POST", headers, body };
  const url = `${shop.baseUrl}/approvals/${id}/vote`;
  const ways = [
    ...["GET", "HEAD", "DELETE", "OPTIONS"].map((method) => ({ headers, method })), // Node sends no body with these
    ...["PUT", "PATCH"].map((method) => ({ ...post, method })),
    { headers: { ...headers, "x-http-method-override": "POST" } },
    { ...post, headers: { ...headers, "content-type": "text/plain" } },
    { ...post, headers: { ...headers, host: "evil.example" } },
    { ...post, headers: { ...headers, origin: "http://127.0.0.1:1" } },
    { ...post, headers: { ...headers, origin: "null" } },
    { ...post, headers: { ...headers, "sec-fetch-site": "same-site" } },
  ];
  const tried: number[] = [];
  for (const way of ways) tried.push((await send(url, way)).status);
  tried.push((await send(`${url}?${body}`, { ...post, body: "" })).status, (await send(`${url}/`, post)).status);
  expect(tried).toEqual([405, 405, 405, 405, 405, 405, 405, 415, 421, 403, 403, 403, 403, 404]);
  expect((await shop.approvals.show(people.bea, id)).votes).toEqual([]);
  expect((await send(url, post)).status).toBe(303);
  expect((await shop.approvals.show(people.bea, id)).state).toBe("approved");
});

test("the approvals API refuses a vote with repeated fields", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.robot);
  const { digest } = await shop.approvals.show(people.bea, id);
  const url = `${shop.baseUrl}/approvals/api/requests/${id}/votes`;
  const vote = async (body: string, headers: Record<string, string | string[]> = {}) => {
    const sent = { authorization: "Bearer bea", "content-type": "application/json", ...headers };
    const answer = await send(url, { method: "POST", headers: sent, body });
    return (JSON.parse(answer.body) as { code?: string }).code;
  };
  const yes = JSON.stringify({ verdict: "approve", digest });
  expect([
    await vote(`{"verdict":"deny",${yes.slice(1)}`),
    await vote(yes.replace("}", ',"__proto__":{"verdict":"deny"}}')),
    await vote(yes.replace("}", ',"person":"cleo"}')),
    await vote(yes, { "content-type": "text/plain" }),
    await vote(yes, { authorization: ["Bearer dan", "Bearer bea"] }),
    await vote(yes, { authorization: "Basic YmVhOg==" }),
    await vote(yes, { authorization: "Bearer robot" }),
    await vote(yes, { origin: "https://evil.example" }),
  ]).toEqual([
    "json_duplicate_key",
    "json_forbidden_key",
    "unknown_field",
    "unsupported_media_type",
    "bad_request",
    "unauthenticated",
    "approver_not_eligible",
    "origin_not_allowed",
  ]);
  expect((await shop.approvals.show(people.bea, id)).votes).toEqual([]);
});
