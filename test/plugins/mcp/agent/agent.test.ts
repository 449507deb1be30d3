// A scripted agent refunds an order of the sample shop, from the descriptions and results of the tools alone. The transcript is in
// the docs.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { approvalsRef } from "quater/approval";
import { http, mcp } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import manifest from "../../../../quater.config.ts";
import { urlOf } from "../shop.ts";
import { Agent, type Entry, type Result, type Tool } from "./agent.ts";

const source = readFileSync(fileURLToPath(new URL("agent.ts", import.meta.url)), "utf8");
const page = fileURLToPath(new URL("../../../../docs/guides/agent-transcript.md", import.meta.url));

/** Only the user's words. The user knows the shop, and not its tools. */
const task = ["Find an order that is paid.", "Refund 500 cents of this order. The reason: the mug arrived broken."];

const bea = principal({ subject: "bea", kind: "user", roles: ["finance"] });

const bootShop = async () => {
  const root = mkdtempSync(join(tmpdir(), "quater-shop-"));
  vi.stubEnv("SHOP_DB", join(root, "shop.db"));
  const scopes = ["orders:read", "orders:write", "orders:refund", "customers:read", "reports:read"];
  const authenticate = tokens({ key: principal({ subject: "desk", scopes }) });
  const own = [http({ port: 0, authenticate }), mcp({ authenticate })];
  const plugins = manifest.plugins.map((plugin) => own.find(({ name }) => name === plugin.name) ?? plugin);
  const app = await bootTest({ ...manifest, plugins }, { root });
  onTestFinished(async () => {
    await app.stop();
    vi.unstubAllEnvs();
    rmSync(root, { recursive: true, force: true });
  });
  return app;
};

test("M10, M11: an agent that knows no tool refunds an order, waits for the approval, and learns that its repetition already ran", async () => {
  const app = await bootShop();
  const client = new Client({ name: "agent", version: "1" });
  const requestInit = { headers: { authorization: "Bearer key" } };
  await client.connect(new StreamableHTTPClientTransport(new URL(urlOf(app)), { requestInit }) as never);

  const approvals = app.services.get(approvalsRef);
  let pauses = 0;
  const agent = await Agent.among({
    list: async () => (await client.listTools()).tools as readonly Tool[],
    call: async (name, values) => {
      const { isError, content, structuredContent, _meta } = await client.callTool({ name, arguments: values });
      const text = (content as readonly { readonly text: string }[]).map((part) => part.text).join("");
      return { isError: isError === true, text, structured: structuredContent, meta: _meta ?? {} } satisfies Result;
    },
    tell: () => {},
    // A person decides while the agent waits for the second time.
    pause: async () => {
      if (++pauses !== 2) return;
      const [request] = await approvals.list(bea);
      const { id, digest } = await approvals.show(bea, request?.id ?? "");
      await approvals.vote({ principal: bea, via: "api" }, { id, verdict: "approve", digest });
      agent.transcript.push({ kind: "person", text: "bea, who has the role finance, approves the request." });
    },
  });

  const { name, values, result } = await agent.do(task);
  expect(result.structured).toMatchObject({ amountCents: 500, status: "paid" });
  expect(pauses).toBe(2);
  expect(await agent.repeat(name, values)).toBe(false);
  await client.close();

  const orderId = String(values["orderId"]);
  const order = await app
    .as(principal({ subject: "clerk", scopes: ["orders:read"] }))
    .call("getOrder", { orderId }, { surface: "http" });
  expect(order).toMatchObject({ ok: true, value: { refundedCents: 500 } });

  const text = pageOf(agent.transcript);
  if (process.env["QUATER_WRITE_TRANSCRIPT"] !== undefined) writeFileSync(page, text);
  // Write the page again with: QUATER_WRITE_TRANSCRIPT=1 npx vitest run test/plugins/mcp/agent
  expect(readFileSync(page, "utf8")).toBe(text);
});

test("the program and the task of the test agent contain no handler name and no input field of the shop", async () => {
  const app = await bootShop();
  const texts = `${source}\n${task.join("\n")}`;
  const names = app.catalog.operations.flatMap(({ name, input }) => [
    name,
    // `reason`, `limit` and other plain words are not names of the shop; names with a capital letter are.
    ...Object.keys(Object(input["properties"])).filter((field) => /[A-Z]/.test(field)),
  ]);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => texts.includes(name))).toEqual([]);
});

/** Replaces values that differ in each run. */
const steady = (text: string): string => {
  const ids = [...new Set(text.match(/apr_[a-z0-9]+/g))];
  return text
    .replace(/apr_[a-z0-9]+/g, (id) => `apr_${["first", "second", "third"][ids.indexOf(id)]}`)
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "4c4f...")
    .replace(/202[6-9]-\d\d-\d\dT[0-9:.]+Z/g, "2026-11-27T12:00:00.000Z");
};

const shown: Readonly<Record<string, string>> = {
  task: "**Task**",
  thought: "*Agent*",
  user: "**Agent to the user**",
  person: "**Approver**",
};

const lineOf = (entry: Entry): string => {
  if (entry.kind === "call")
    return `Call:\n\n\`\`\`json\n${JSON.stringify({ name: entry.name, arguments: entry.values }, null, 2)}\n\`\`\``;
  if (entry.kind !== "result") return `${shown[entry.kind]}: ${entry.text}`;
  const { isError, text } = entry.result;
  return `${isError ? "Tool error" : "Result"}:\n\n\`\`\`text\n${shortened(text)}\n\`\`\``;
};

/** Shows the first two rows of a list. */
const shortened = (text: string): string => {
  if (!text.startsWith("{")) return text;
  const short = (value: unknown): unknown => {
    if (Array.isArray(value))
      return value.length > 2 ? [...value.slice(0, 2).map(short), `... ${value.length - 2} more`] : value.map(short);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, short(one)]));
  };
  return JSON.stringify(short(JSON.parse(text)), null, 2);
};

const pageOf = (transcript: readonly Entry[]): string =>
  steady(`# An agent refunds an order

This page is the transcript of a test. A scripted agent, which contains no name of a tool, uses the tools of the sample shop. The
agent chooses tools and arguments by the descriptions and schemas in the list of tools, and acts on the texts of results and errors.
Times and ids differ in each run, so the page shows fixed ones. The guide [Tools for agents](mcp.md) describes the tools.

${transcript.map(lineOf).join("\n\n")}
`);
