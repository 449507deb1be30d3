// The whole way of an OAuth client, with the SDK's client and a stub authorization server over real sockets.

import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { can, handler, hasRole, Type } from "quater";
import { apiKeys, firstOf, jwt } from "quater/auth";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest } from "quater/testing";
import { expect, test } from "vitest";
import { authorizationServer, freePort } from "./authorization-server.ts";
import { connectionOf, person } from "./person.ts";

const input = Type.Object({ id: Type.String() });
const handlers = {
  readOrder: handler({
    description: "Shows an order.",
    effect: "read",
    input,
    auth: can("orders:read"),
    handle: ({ id }, context) => ({ id, principal: context.principal, context: Object.keys(context) }),
  }),
  refundOrder: handler({
    description: "Refunds an order.",
    effect: "destructive",
    input,
    auth: [can("orders:refund"), can("orders:write")],
    handle: ({ id }) => ({ refunded: id }),
  }),
  closeShop: handler({
    description: "Closes the shop.",
    effect: "destructive",
    input,
    auth: [can("shop:close"), hasRole("owner")],
    handle: () => null,
  }),
};
const expose = { readOrder: { mcp: true }, refundOrder: { mcp: true }, closeShop: { mcp: true } };

test("an OAuth client finds the authorization server after a 401, and gets a token with more scopes after a 403", async () => {
  await using server = await authorizationServer();
  const publicUrl = `http://127.0.0.1:${await freePort()}`;
  const resource = `${publicUrl}/mcp`;
  const tokens = jwt({ issuer: server.issuer, audience: resource, jwks: server.jwks });
  await using app = await bootTest({
    handlers,
    expose,
    plugins: [
      http({ port: Number(new URL(publicUrl).port), publicUrl }),
      mcp({ authenticate: firstOf(apiKeys({ file: "no-keys.json" }), tokens), authorization: { servers: [server.issuer] } }),
    ],
  });
  const ana = person();

  const first = connectionOf(resource, ana);
  await expect(first.connect()).rejects.toThrow(UnauthorizedError);
  expect(server.requests).toEqual(["GET /.well-known/oauth-authorization-server", "POST /register", "GET /authorize"]);
  await first.transport.finishAuth(ana.code());

  const { client, transport, connect } = connectionOf(resource, ana);
  await connect();
  // The list contains the tool that the caller could call with more scopes. The list does not contain the tool that needs a role.
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["readOrder", "refundOrder"]);
  const read = await client.callTool({ name: "readOrder", arguments: { id: "ord_1" } });
  const [content] = read.content as [{ text: string }];
  const seen = JSON.parse(content.text) as { id: string; principal: { kind: string; actsFor: string; scopes: string[] } };
  expect(seen).toMatchObject({ id: "ord_1", principal: { kind: "agent", actsFor: "ana", scopes: ["orders:read"] } });
  // The handler cannot pass the token on, because it does not get the token.
  const accessToken = (await ana.provider.tokens())?.access_token ?? "";
  expect(accessToken).toMatch(/^ey/);
  expect(content.text).not.toContain(accessToken);
  expect(JSON.stringify(app.log)).not.toContain(accessToken);

  const refund = () => client.callTool({ name: "refundOrder", arguments: { id: "ord_1" } });
  await expect(refund()).rejects.toThrow(UnauthorizedError);
  await transport.finishAuth(ana.code());
  expect((await refund()).content).toEqual([{ type: "text", text: expect.stringContaining('"ord_1"') }]);

  expect(server.authorizations).toMatchObject([
    { scope: "orders:read", resource },
    { scope: "orders:read orders:refund orders:write", resource },
  ]);
  // No scope allows a call of the tool that needs a role, so the answer is the same as for an unknown tool.
  await expect(client.callTool({ name: "closeShop", arguments: { id: "x" } })).rejects.toMatchObject({ code: -32602 });
  await client.close();
});
