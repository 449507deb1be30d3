// The list of tools says which tools need approval.

import { authenticated, handler, Type } from "quater";
import type { ConfiguredPlugin } from "quater/plugin-api";
import { approval, audit, http, mcp, store } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import type { TestBoot } from "../../../core/testing/index.ts";
import { post } from "./shop.ts";

const sentence = "A person must approve each call of this tool before it runs.";
const ana = principal({ subject: "ana" });

const pay = (description: string) =>
  handler({ description, effect: "destructive", input: Type.Object({}), auth: authenticated, handle: () => null });

const booted = (exposures: NonNullable<TestBoot["expose"]>, description = "Pays somebody") => {
  const door = tokens({ ana });
  const plugins: ConfiguredPlugin[] = [
    http({ port: 0, authenticate: door }),
    mcp({ authenticate: door }),
    store(),
    audit(),
    approval({ authenticate: door, policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ];
  const handlers = Object.fromEntries(Object.keys(exposures).map((name) => [name, pay(description)]));
  return bootTest({ handlers, expose: exposures, plugins, isolated: true });
};

test("M11: the description and _meta of a tool contain that calls of the tool need approval", async () => {
  await using app = await booted({
    pay: { mcp: true, approval: "finance" },
    payHere: { mcp: true, approval: { policy: "finance", surfaces: ["mcp"] } },
    payThere: { mcp: true, http: "POST /payments", approval: { policy: "finance", surfaces: ["http"] } },
    payFreely: { mcp: true },
  });
  const { rpc } = await post(app, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
  const tools = (rpc.result?.tools ?? []) as unknown as readonly { name: string; description: string; _meta?: object }[];
  const asked = {
    description: `Pays somebody. ${sentence}`,
    _meta: { "quater/approval": { required: true, policy: "finance" } },
  };
  const free = { description: "Pays somebody", _meta: undefined };
  expect(tools.map(({ name, description, _meta }) => [name, { description, _meta }])).toEqual([
    ["pay", asked],
    ["payHere", asked],
    ["payThere", free],
    ["payFreely", free],
  ]);
});

test("M11: boot refuses a tool description that is too long for OpenAI with the added sentence about approval", async () => {
  const exposures = { pay: { mcp: true, approval: "finance" } };
  await expect(booted(exposures, "x".repeat(963))).rejects.toThrow("Shorten the description to 962 characters");
  await using app = await booted(exposures, "x".repeat(962));
  const { rpc } = await post(app, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
  expect(rpc.result?.tools?.map((tool) => (tool as { readonly description?: string }).description?.length)).toEqual([1_024]);
});
