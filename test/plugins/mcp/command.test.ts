// `quater mcp`, as a client starts it.

import { expect, test } from "vitest";
import { builtProject, start } from "../cli/kit.ts";

test("quater mcp writes only protocol messages to standard output, and ends when standard input ends", async () => {
  const { folder, remove } = builtProject({
    "handlers.mjs": `
import { authenticated, handler, Type } from "quater";
export const greet = handler({ description: "Greets.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => { console.log("noise"); return "hi"; } });
process.stdout.write("printed while it was loaded\\n");
`,
    "quater.config.mjs": `
import { defineConfig, expose } from "quater";
import { localUser } from "quater/auth";
import { mcp } from "quater/mcp";
export default defineConfig({ name: "m", handlers: [expose(() => import("./handlers.mjs"), { greet: { mcp: true } })], plugins: [mcp({ authenticate: localUser() })] });
`,
  });
  try {
    const run = start(["mcp"], { cwd: folder });
    const send = (message: object) => run.process.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    const clientInfo = { name: "test", version: "1" };
    send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } });
    send({ method: "notifications/initialized" });
    send({ id: 2, method: "tools/call", params: { name: "greet", arguments: {} } });
    run.process.stdin?.end();
    const { code, out } = await run.ended;
    const messages = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id?: number; result?: unknown });
    expect(code).toBe(0);
    expect(messages.find(({ id }) => id === 2)?.result).toMatchObject({ content: [{ type: "text" }] });
    expect(messages.every((message) => "jsonrpc" in message)).toBe(true);
  } finally {
    remove();
  }
});
