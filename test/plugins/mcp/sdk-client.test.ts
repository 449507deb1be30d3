// The SDK's own client against both transports.

import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { TestApp } from "quater/testing";
import { expect, test } from "vitest";
import { boot, urlOf } from "./shop.ts";

const overHttp = async (app: TestApp, token = "ana") => {
  const client = new Client({ name: "test", version: "1" });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(urlOf(app)), { requestInit }) as never);
  return client;
};

const overStdio = async (token = "ana") => {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ["-C", "quater-source", "--import", "tsx", fileURLToPath(new URL("stdio-server.ts", import.meta.url))],
    env: { QUATER_MCP_TOKEN: token },
    stderr: "pipe",
  });
  /** Resolves once the process has written this to its stderr. */
  let stderr = "";
  const printed = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => (stderr.includes(text) ? resolve() : undefined);
      transport.stderr?.on("data", look);
      look();
    });
  transport.stderr?.on("data", (chunk) => {
    stderr += String(chunk);
  });
  const errors: string[] = [];
  await client.connect(transport);
  client.onerror = (error) => errors.push(error.message);
  return { client, errors, printed };
};

test("the client of the MCP SDK gets the same answers to tools/list and tools/call over HTTP and stdio", async () => {
  await using app = await boot();
  const http = await overHttp(app);
  const { client: stdio, errors, printed } = await overStdio();
  try {
    const list = await http.listTools();
    expect((await stdio.listTools()).tools).toEqual(list.tools);
    expect(list.tools.map(({ name }) => name)).toEqual(["add", "names", "note", "wipe", "fail", "count", "steps", "chatty"]);
    for (const [name, input, expected] of [
      ["add", { a: 2 }, { sum: 3 }],
      ["names", {}, { result: ["ana", "ben"] }],
      ["count", { to: 3 }, { result: [{ n: 1 }, { n: 2 }, { n: 3 }] }],
    ] as const) {
      // With a list at hand, the client checks structured content against the output schema and throws on a mismatch.
      const answers = await Promise.all([http, stdio].map((client) => client.callTool({ name, arguments: input })));
      for (const answer of answers) {
        expect(answer.structuredContent).toEqual(expected);
        expect(JSON.parse((answer.content as { text: string }[])[0]?.text ?? "")).toEqual(expected);
      }
    }
    expect(await stdio.callTool({ name: "chatty", arguments: {} })).toMatchObject({ content: [{ text: "quiet" }] });
    await printed("a stray line");
    await printed('{"jsonrpc":"2.0","id":1,"result":{}}');
    expect(errors).toEqual([]);
  } finally {
    await http.close();
    await stdio.close();
  }
});

test("the progress callback of the MCP SDK's client gets the progress of a handler and the items of a stream", async () => {
  await using app = await boot();
  const client = await overHttp(app);
  const heard: unknown[] = [];
  const onprogress = (progress: unknown) => void heard.push(progress);
  await client.callTool({ name: "steps", arguments: {} }, undefined, { onprogress });
  expect(heard).toEqual([
    { progress: 0, total: 1, message: "starting" },
    { progress: 0.5, total: 1 },
    { progress: expect.closeTo(0.5, 5), total: 1, message: "still half" },
    { progress: 1, total: 1, message: "done" },
  ]);
  heard.length = 0;
  await client.callTool({ name: "count", arguments: { to: 2 } }, undefined, { onprogress });
  expect(heard).toEqual([
    { progress: 1, message: '{"n":1}' },
    { progress: 2, message: '{"n":2}' },
  ]);
  await client.close();
});

test("the client of the MCP SDK gets the status 401 for a refused credential", async () => {
  await using app = await boot();
  await expect(overHttp(app, "nobody")).rejects.toMatchObject({ code: 401 });
});

test("the MCP answer to initialize names the app, and has the protocol version of the client if Quater supports it", async () => {
  await using app = await boot();
  const client = await overHttp(app);
  expect(client.getServerVersion()).toMatchObject({ name: "test" });
  expect(client.getServerCapabilities()).toEqual({ tools: {} });
  await client.close();
});
