// Progress and dry runs of resources and prompts.

import { anyone, can, handler, Type } from "quater";
import { expect, test } from "vitest";
import { ask, askModern, boot } from "./offered-shop.ts";
import { post, session } from "./shop.ts";

const input = Type.Object({ which: Type.String({ maxLength: 3 }) });

const bootReports = async () => {
  const ran: string[] = [];
  const report = handler({
    description: "Writes a report.",
    effect: "read",
    input,
    output: Type.String(),
    auth: anyone,
    handle: ({ which }, { progress }) => {
      ran.push(which);
      progress(0.5, "half");
      return `report ${which}`;
    },
  });
  const costs = handler({
    description: "Costs.",
    effect: "read",
    input,
    auth: can("more"),
    output: Type.String(),
    handle: () => "",
  });
  const app = await boot({
    handlers: { report, costs },
    expose: {
      report: { mcp: { resource: "report://{which}", prompt: true } },
      costs: { mcp: { resource: "costs://{which}", prompt: true } },
    },
  });
  return { app, ran };
};

const ways = [
  [
    "resources/read",
    { uri: "report://one" },
    { contents: [{ uri: "report://one", mimeType: "text/plain", text: "report one" }] },
    { contents: [] },
  ],
  [
    "prompts/get",
    { name: "report", arguments: { which: "one" } },
    { messages: [{ role: "user", content: { type: "text", text: "report one" } }] },
    { messages: [] },
  ],
] as const;

test.each(ways)(
  "the MCP request %s with a progressToken gets the progress before the result of the request",
  async (method, params, expected) => {
    const { app } = await bootReports();
    await using _app = app;
    const message = (meta: object) => JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { ...params, _meta: meta } });
    const progress = {
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: "p", progress: 0.5, total: 1, message: "half" },
    };
    const { response, text } = await post(app, message({ progressToken: "p" }));
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const [first, last] = text.split("\n\n").map((event) => event.replace("event: message\ndata: ", ""));
    expect(JSON.parse(first ?? "")).toEqual(progress);
    expect(JSON.parse(last ?? "")).toMatchObject({ id: 7, result: expected });
    const plain = await post(app, message({}));
    expect(plain.response.headers.get("content-type")).toBe("application/json");
    expect(plain.rpc).toMatchObject({ id: 7, result: expected });
    const stdio = session(app, "ana");
    stdio.write(message({ progressToken: "p" }));
    expect(await stdio.next()).toEqual(progress);
    expect(await stdio.next()).toMatchObject({ id: 7, result: expected });
    await stdio.end();
  },
);

test.each(ways)("a dry run of the MCP request %s does not run the handler", async (method, params, _, empty) => {
  const { app, ran } = await bootReports();
  await using _app = app;
  const forecast = { handler: "report", input: { which: "one" }, auth: { allowed: true }, approval: { required: false } };
  const result = { ...empty, _meta: { "quater/callId": expect.any(String), "quater/dryRun": forecast } };
  const dry = { _meta: { "quater/dryRun": true } };
  expect((await ask(app, method, { ...params, ...dry })).result).toMatchObject(result);
  expect((await askModern(app, method, params, "ana", dry._meta)).result).toMatchObject({ resultType: "complete", ...result });
  const refused = "uri" in params ? { uri: "costs://one" } : { ...params, name: "costs" };
  expect((await ask(app, method, { ...refused, ...dry })).error).toMatchObject({ data: { code: "missing_scope" } });
  const wrong = "uri" in params ? { uri: "report://long" } : { ...params, arguments: { which: "long" } };
  expect((await ask(app, method, { ...wrong, ...dry })).error).toMatchObject({ data: { code: "invalid_input" } });
  expect(ran).toEqual([]);
});

test.each(ways)("the MCP server refuses the request %s with a malformed _meta", async (method, params) => {
  const { app, ran } = await bootReports();
  await using _app = app;
  for (const meta of [5, { "quater/dryRun": 1 }, { progressToken: {} }])
    expect((await ask(app, method, { ...params, _meta: meta })).error).toMatchObject({ code: -32602 });
  expect(ran).toEqual([]);
});
