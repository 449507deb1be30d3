// The JSON API: the same decisions for programs, by a key in the Authorization header and by nothing else.

import { expect, test } from "vitest";
import { Check, Errors } from "../../../core/schema/compile.ts";
import { closed } from "../../../core/schema/schema.ts";
import { apiOperations } from "../../../plugins/approval/api/document.ts";
import { listQuery, revocationBody, voteBody } from "../../../plugins/approval/api/schemas.ts";
import { httpRef } from "../../../plugins/http/service.ts";
import { bootShop, people, type Sent, type Shop, send, Visitor } from "./page-kit.ts";

interface Asked {
  readonly status: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, compared by expectations
  readonly json: any;
}

const ask = async (shop: Shop, path: string, key?: string, body?: unknown, headers: Sent["headers"] = {}): Promise<Asked> => {
  const answer = await send(`${shop.baseUrl}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, type: String(answer.headers["content-type"]), json: JSON.parse(answer.body) };
};

const requests = "/approvals/api/requests";

test("a program with the key of an approver can list and read approval requests and vote over the approvals API", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const listed = await ask(shop, `${requests}?state=pending&limit=10`, "bea");
  expect(listed).toMatchObject({ status: 200, type: "application/json; charset=utf-8" });
  expect(listed.json.requests).toMatchObject([
    {
      id,
      state: "pending",
      handler: "refundOrder",
      surface: "direct",
      requester: { person: "ana", kind: "user", subject: "ana" },
      policy: { name: "finance", kind: "dual", approvers: [{ role: "finance", need: 1 }] },
      votes: [],
      url: `${shop.baseUrl}/approvals/${id}`,
    },
  ]);
  const { json } = await ask(shop, `${requests}/${id}`, "bea");
  expect(json.obstacle).toBeUndefined();
  expect(json.shown).toMatchObject({
    isComplete: true,
    arguments: { rows: [{ path: { text: "/amountCents" }, value: { text: "4200" } }, { path: { text: "/orderId" } }] },
    preview: { rows: [{ path: { text: "/order" } }, { value: { text: "42.00 EUR" } }] },
  });
  const voted = await ask(shop, `${requests}/${id}/votes`, "bea", { verdict: "approve", digest: json.digest, reason: "fine" });
  expect(voted).toMatchObject({
    status: 200,
    json: { id, state: "approved", votes: [{ person: "bea", verdict: "approve", reason: "fine", via: "api" }] },
  });
  const revoked = await ask(shop, `${requests}/${id}/revocation`, "bea", { reason: "no longer" });
  expect(revoked).toMatchObject({ status: 200, json: { id, state: "revoked", reason: "no longer" } });
  expect((await ask(shop, `${requests}?state=pending`, "bea")).json.requests).toEqual([]);
  expect((await ask(shop, `${requests}?state=pending&state=revoked`, "bea")).json.requests).toHaveLength(1);
});

test("every refusal of the approvals API has problem details with an error code, and changes no approval request", async () => {
  await using shop = await bootShop();
  const id = await shop.file(people.ana);
  const { digest } = await shop.approvals.show(people.bea, id);
  const vote = `${requests}/${id}/votes`;
  const yes = { verdict: "approve", digest };
  const cases: readonly (readonly [number, string, Promise<Asked>])[] = [
    [401, "unauthenticated", ask(shop, requests)],
    [401, "invalid_token", ask(shop, requests, "nobody")],
    [403, "approver_not_eligible", ask(shop, requests, "robot")],
    [403, "approver_not_eligible", ask(shop, requests, "dan")],
    [403, "approver_not_eligible", ask(shop, vote, "robot", yes)],
    [403, "approver_not_eligible", ask(shop, vote, "ana", yes)],
    [404, "approval_not_found", ask(shop, `${requests}/apr_${"a".repeat(20)}`, "bea")],
    [404, "route_not_found", ask(shop, "/approvals/api/other", "bea")],
    [405, "method_not_allowed", ask(shop, vote, "bea")],
    [405, "method_not_allowed", ask(shop, requests, "bea", {})],
    [409, "approval_digest_changed", ask(shop, vote, "bea", { ...yes, digest: `sha256:${"0".repeat(64)}` })],
    [409, "approval_pending", ask(shop, `${requests}/${id}/revocation`, "bea", {})],
    [415, "unsupported_media_type", ask(shop, vote, "bea", yes, { "content-type": "text/plain" })],
    [403, "origin_not_allowed", ask(shop, vote, "bea", yes, { origin: "https://evil.example" })],
    [400, "json_duplicate_key", ask(shop, vote, "bea", `{"verdict":"deny","verdict":"approve","digest":"${digest}"}`)],
    [422, "unknown_field", ask(shop, vote, "bea", { ...yes, force: true })],
    [422, "invalid_input", ask(shop, vote, "bea", { ...yes, verdict: "yes" })],
    [422, "invalid_input", ask(shop, vote, "bea", { verdict: "approve" })],
    [422, "invalid_input", ask(shop, vote, "bea", { ...yes, digest: "sha256:1" })],
    [422, "invalid_input", ask(shop, vote, "bea", { ...yes, reason: "" })],
    [422, "invalid_input", ask(shop, vote, "bea", [])],
    [422, "invalid_input", ask(shop, `${requests}?state=done`, "bea")],
    [422, "invalid_input", ask(shop, `${requests}?limit=0`, "bea")],
    [422, "unknown_field", ask(shop, `${requests}?all=1`, "bea")],
    [422, "unknown_field", ask(shop, `${requests}/${id}?all=1`, "bea")],
    [422, "unknown_field", ask(shop, `${vote}?all=1`, "bea", yes)],
    [422, "invalid_input", ask(shop, `${requests}/apr_1`, "bea")],
    [422, "invalid_input", ask(shop, `${requests}/%00`, "bea")],
    [422, "invalid_input", ask(shop, `${requests}/%2F/votes`, "bea", yes)],
    [422, "invalid_input", ask(shop, "/__quater__/approvals/7", "ana")],
    [422, "unknown_field", ask(shop, `/__quater__/approvals/${id}?all=1`, "ana")],
  ];
  for (const [status, code, asking] of cases) {
    const { status: seen, type, json } = await asking;
    expect([seen, json.code, type]).toEqual([status, code, "application/problem+json"]);
    expect(json.callId).toMatch(/^[0-9a-f-]{36}$/);
  }
  expect(await shop.approvals.show(people.bea, id)).toMatchObject({ state: "pending", votes: [] });
});

test("the approvals API refuses a different second vote of one person, and accepts the same vote again without effect", async () => {
  await using shop = await bootShop({ approval: { policies: { finance: { approvers: [{ role: "finance", need: 2 }] } } } });
  const id = await shop.file(people.ana);
  const { digest } = await shop.approvals.show(people.bea, id);
  const vote = (verdict: string) => ask(shop, `${requests}/${id}/votes`, "bea", { verdict, digest });
  for (const _time of [1, 2]) expect(await vote("approve")).toMatchObject({ status: 200, json: { votes: [{ person: "bea" }] } });
  expect(await vote("deny")).toMatchObject({ status: 409, json: { code: "approval_vote_differs" } });
});

test("the approvals API does not accept a session cookie", async () => {
  await using shop = await bootShop();
  const bea = new Visitor(shop.baseUrl);
  await bea.signIn({ key: "bea" });
  const cookie = [...bea.cookies].map((pair) => pair.join("=")).join("; ");
  expect(await ask(shop, requests, undefined, undefined, { cookie })).toMatchObject({
    status: 401,
    json: { code: "unauthenticated" },
  });
});

test("only the requester can read the state of an approval request and cancel the request over HTTP", async () => {
  await using shop = await bootShop();
  const asked = await ask(shop, "/orders/ord_7/refunds", "ana", { amountCents: 7 });
  expect(asked).toMatchObject({ status: 428, json: { code: "approval_required" } });
  const { id } = asked.json.approval as { id: string };
  const own = `/__quater__/approvals/${id}`;
  expect(await ask(shop, own, "ana")).toMatchObject({
    status: 200,
    json: { id, status: "pending", url: `${shop.baseUrl}/approvals/${id}`, expiresAt: expect.stringMatching(/^\d{4}-/) },
  });
  expect(await ask(shop, own, "bea")).toMatchObject({ status: 404, json: { code: "approval_not_found" } });
  expect(await ask(shop, own)).toMatchObject({ status: 401 });
  expect(await ask(shop, own, "ana", {})).toMatchObject({ status: 405 });
  const remove = (key: string) =>
    send(`${shop.baseUrl}${own}`, { method: "DELETE", headers: { authorization: `Bearer ${key}` } });
  expect((await remove("bea")).status).toBe(404);
  expect(JSON.parse((await remove("ana")).body)).toMatchObject({ id, status: "cancelled" });
});

test("H14: the response 428 in the OpenAPI document has links to the routes of the approval request and to the same call", async () => {
  await using shop = await bootShop();
  const { json } = await ask(shop, "/openapi.json", "ana");
  const { post } = (json.paths as Record<string, Record<string, object>>)["/orders/{orderId}/refunds"] ?? {};
  const id = "$response.body#/approval/id";
  expect(post).toMatchObject({
    responses: {
      428: {
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/ApprovalRequired" } } },
        links: {
          repeat: { operationId: "refundOrder", parameters: { "header.Quater-Approval": id } },
          getOwnApproval: { operationId: "getOwnApproval", parameters: { id } },
          cancelOwnApproval: { operationId: "cancelOwnApproval", parameters: { id } },
        },
      },
    },
  });
});

test("the OpenAPI document of the app has all routes of the approvals API", async () => {
  await using shop = await bootShop();
  const { json } = await ask(shop, "/openapi.json", "ana");
  const described = Object.entries(json.paths as Record<string, Record<string, unknown>>).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described).toEqual([
    "POST /orders/{orderId}/refunds",
    "GET /approvals/api/requests",
    "GET /approvals/api/requests/{id}",
    "POST /approvals/api/requests/{id}/votes",
    "POST /approvals/api/requests/{id}/revocation",
    "GET /__quater__/approvals/{id}",
    "DELETE /__quater__/approvals/{id}",
  ]);
  const { post } = (json.paths as Record<string, Record<string, object>>)["/orders/{orderId}/refunds"] ?? {};
  expect(post).toMatchObject({
    parameters: expect.arrayContaining([expect.objectContaining({ name: "Quater-Approval", in: "header", required: false })]),
    responses: { 428: { description: "This exact call needs an approval before it can run" } },
  });
  const { schemas } = json.components as { schemas: Record<string, { properties: Record<string, object> }> };
  expect(Object.keys(schemas["Problem"]?.properties ?? {})).toContain("approval");
  expect(shop.app.services.get(httpRef).mounted).toEqual(["GET /__quater__/approvals/{id}", "/approvals"]);
});

/** What does not match the schema of an answer. A member that the schema does not name is a mismatch, too. */
const mismatches = (operationId: string, { status, json }: Asked): readonly unknown[] => {
  const answer = apiOperations.find((operation) => operation.operationId === operationId)?.answer;
  if (answer === undefined || status !== 200) return [`${operationId} has no schema, or answered ${status}`];
  const schema = closed(answer, "output");
  return Check(schema, json) ? [] : [operationId, ...Errors(schema, json)[1]];
};

test("each answer of the approvals API matches its schema in the OpenAPI document", async () => {
  await using shop = await bootShop();
  const found: unknown[] = [];
  const check = (operationId: string, asked: Asked): Asked => {
    found.push(...mismatches(operationId, asked));
    return asked;
  };
  const file = async (amountCents: number): Promise<string> => {
    const { json } = await ask(shop, "/orders/ord_7/refunds", "ana", { amountCents });
    return (json as { approval: { id: string } }).approval.id;
  };
  const show = async (id: string, key = "bea") => check("getApproval", await ask(shop, `${requests}/${id}`, key));
  const vote = async (id: string, given: object) =>
    check(
      "voteOnApproval",
      await ask(shop, `${requests}/${id}/votes`, "bea", { digest: (await show(id)).json.digest, ...given }),
    );
  const own = async (id: string) => check("getOwnApproval", await ask(shop, `/__quater__/approvals/${id}`, "ana"));

  const used = await file(1);
  await vote(used, { verdict: "approve", reason: "fine" });
  expect(await ask(shop, "/orders/ord_7/refunds", "ana", { amountCents: 1 })).toMatchObject({ status: 200 });
  expect((await show(used)).json).toMatchObject({ state: "consumed", use: { outcome: "succeeded" } });
  expect((await own(used)).json).toMatchObject({ usedBy: { outcome: "succeeded" } });

  const denied = await file(2);
  await vote(denied, { verdict: "deny", reason: "no" });
  expect((await own(denied)).json).toMatchObject({ status: "denied", reason: "no" });

  const revoked = await file(3);
  await vote(revoked, { verdict: "approve" });
  check("revokeApproval", await ask(shop, `${requests}/${revoked}/revocation`, "bea", { reason: "no longer" }));

  const cancelled = await file(4);
  const path = `/__quater__/approvals/${cancelled}`;
  const answer = await send(`${shop.baseUrl}${path}`, { method: "DELETE", headers: { authorization: "Bearer ana" } });
  check("cancelOwnApproval", { status: answer.status, type: "", json: JSON.parse(answer.body) });

  const listed = check("listApprovals", await ask(shop, requests, "bea"));
  const states = (listed.json.requests as { state: string }[]).map(({ state }) => state);
  expect(states.sort()).toEqual(["cancelled", "consumed", "denied", "revoked"]);
  expect((await show(used, "ana")).json).toHaveProperty("obstacle");
  expect(found).toEqual([]);
});

test("the OpenAPI document contains the schemas with which the approvals API validates requests", async () => {
  await using shop = await bootShop();
  const { json } = await ask(shop, "/openapi.json", "ana");
  const entryOf = (operationId: string) =>
    Object.values(json.paths as Record<string, Record<string, { operationId?: string }>>)
      .flatMap((item) => Object.values(item))
      // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, compared by expectations
      .find((entry): entry is any => entry.operationId === operationId);
  const written = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema));
  const bodyOf = (operationId: string) => entryOf(operationId).requestBody.content["application/json"].schema;
  for (const { operationId, answer } of apiOperations)
    expect(entryOf(operationId).responses[200].content["application/json"].schema).toEqual(written(answer));
  expect(bodyOf("voteOnApproval")).toEqual(written(voteBody));
  expect(bodyOf("revokeApproval")).toEqual(written(revocationBody));
  const parameters = entryOf("listApprovals").parameters as { name: string; schema: unknown }[];
  const ofQuery = Object.entries(listQuery.properties).map(([name, schema]) => ({ name, schema: written(schema) }));
  expect(parameters.map(({ name, schema }) => ({ name, schema }))).toEqual(ofQuery);
});

test("neither an answer of the approvals API nor an approvals page contains secret arguments", async () => {
  await using shop = await bootShop();
  const pin = "0000-canary-1111";
  const id = await shop.file(people.ana, { orderId: "1", amountCents: 1, reason: "plain", pin });
  const bea = new Visitor(shop.baseUrl);
  await bea.signIn({ key: "bea" });
  const texts = [
    JSON.stringify((await ask(shop, `${requests}/${id}`, "bea")).json),
    JSON.stringify((await ask(shop, requests, "bea")).json),
    (await bea.get(`/approvals/${id}?view=full`)).body,
    (await bea.get("/approvals")).body,
  ];
  expect(texts[0]).toContain('"secret"');
  expect(texts[2]).toContain("16 characters, hmac:");
  for (const text of texts) expect(text).not.toContain(pin);
});
