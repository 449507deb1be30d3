// Clients of agent libraries. These libraries parse the entries of tools with their own code, so a tool that the SDKs accept may
// fail in a library.

import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { MCPClient as MastraClient } from "@mastra/mcp";
import { MCPServerStdio, MCPServerStreamableHttp } from "@openai/agents";
import { MCPClient } from "mcp-use/client";
import { bearer, calledOf, environment, type Open, type Result, type Way } from "./session.ts";

const serverOf = (way: Way) => ({ command: way.command, args: [...way.args], cwd: way.cwd, env: environment(way) });

export const aiSdk: Open = async (way, timeoutMs) => {
  const client = await createMCPClient({
    transport:
      way.over === "http"
        ? { type: "http", url: way.url, headers: bearer(way) }
        : new Experimental_StdioMCPTransport({ ...serverOf(way), stderr: "ignore" }),
  });
  const tools = await client.tools();
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, values, { signal } = {}) => {
      // The tools of this library have no time-out, because agents pass a signal.
      const limits = [
        ...(signal === undefined ? [] : [signal]),
        ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)]),
      ];
      const abortSignal = limits.length === 0 ? {} : { abortSignal: AbortSignal.any(limits) };
      return calledOf(
        (await tools[name]?.execute(values, { toolCallId: "1", messages: [], context: {}, ...abortSignal })) as Result,
      );
    },
    close: () => client.close(),
  };
};

export const openAiAgents: Open = async (way, timeoutMs) => {
  const limits = { cacheToolsList: true, ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }) };
  const server =
    way.over === "http"
      ? new MCPServerStreamableHttp({ url: way.url, requestInit: { headers: bearer(way) }, ...limits })
      : new MCPServerStdio({ ...serverOf(way), ...limits });
  await server.connect();
  return {
    list: async () => (await server.listTools()).map(({ name }) => name),
    call: async (name, values, { signal } = {}) =>
      calledOf(await server.callToolResult(name, values, null, signal === undefined ? {} : { signal })),
    close: () => server.close(),
  };
};

export const mcpUse: Open = async (way, timeoutMs) => {
  const server = way.over === "http" ? { url: way.url, headers: bearer(way) } : serverOf(way);
  const client = new MCPClient({ mcpServers: { app: server } });
  const session = await client.createSession("app");
  return {
    list: async () => (await session.listTools()).map(({ name }) => name),
    call: async (name, values, { signal, onProgress } = {}) =>
      calledOf(
        await session.callTool(name, values, {
          ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
          ...(signal === undefined ? {} : { signal }),
          ...(onProgress === undefined ? {} : { onprogress: onProgress }),
        }),
      ),
    close: () => client.closeAllSessions(),
  };
};

export const langchain: Open = async (way, timeoutMs) => {
  let heard: ((progress: unknown) => void) | undefined;
  const client = new MultiServerMCPClient({
    mcpServers: {
      app:
        way.over === "http"
          ? { transport: "http", url: way.url, headers: bearer(way), automaticSSEFallback: false }
          : { transport: "stdio", ...serverOf(way), stderr: "ignore" },
    },
    onProgress: (progress: unknown) => heard?.(progress),
  });
  const tools = await client.getTools();
  return {
    list: async () => tools.map(({ name }) => name),
    call: async (name, values, { signal, onProgress } = {}) => {
      if (onProgress !== undefined) heard = onProgress; // one callback for all calls of the client
      const tool = tools.find((one) => one.name === name);
      if (tool === undefined) throw new Error(`There is no tool ${name}`);
      const call = { type: "tool_call" as const, id: "1", name, args: values };
      const limits = { ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }), ...(signal === undefined ? {} : { signal }) };
      // The text is one block with the structured content beside it, as JSON.
      const { content } = (await tool.invoke(call, limits)) as { content: string };
      return { isError: false, text: content.startsWith("{") ? (JSON.parse(content) as { text: string }).text : content };
    },
    close: () => client.close(),
  };
};

export const mastra: Open = async (way, timeoutMs) => {
  const server = way.over === "http" ? { url: new URL(way.url), requestInit: { headers: bearer(way) } } : serverOf(way);
  const client = new MastraClient({
    servers: { app: { ...server, ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }) } },
  });
  const tools = await client.listTools();
  const prefix = "app_"; // This library puts the name of the server in front of the names of its tools.
  return {
    list: async () => Object.keys(tools).map((name) => name.slice(prefix.length)),
    call: async (name, values, { signal } = {}) => {
      const result = await tools[prefix + name]?.execute?.(values, signal === undefined ? {} : { abortSignal: signal });
      // This library returns the structured content of a result in place of the result.
      const isResult = result !== null && typeof result === "object" && Array.isArray((result as Result).content);
      return isResult ? calledOf(result as Result) : { isError: false, text: JSON.stringify(result) };
    },
    watch: async (uri, onUpdated) => {
      await client.resources.onUpdated("app", ({ uri: updated }) => onUpdated(updated));
      await client.resources.subscribe("app", uri);
    },
    close: () => client.disconnect(),
  };
};
