// The clients of both SDKs.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as OldStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as OldHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { bearer, calledOf, environment, type Open, type Way } from "./session.ts";

const about = { name: "test", version: "1" };
const serverOf = (way: Way) => ({
  command: way.command,
  args: [...way.args],
  cwd: way.cwd,
  env: environment(way),
  stderr: "ignore" as const,
});
const requestOptions = (timeoutMs?: number) => (timeoutMs === undefined ? {} : { timeout: timeoutMs });

export const first: Open = async (way, timeoutMs) => {
  const client = new OldClient(about);
  const requestInit = { headers: bearer(way) };
  await client.connect(way.over === "http" ? new OldHttp(new URL(way.url), { requestInit }) : new OldStdio(serverOf(way)));
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, values, { signal, onProgress } = {}) =>
      calledOf(
        await client.callTool({ name, arguments: values }, undefined, {
          ...requestOptions(timeoutMs),
          ...(signal === undefined ? {} : { signal }),
          ...(onProgress === undefined ? {} : { onprogress: onProgress }),
        }),
      ),
    watch: async (uri, onUpdated) => {
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => onUpdated(params.uri));
      await client.subscribeResource({ uri });
    },
    close: () => client.close(),
  };
};

const isModern = (client: Client): boolean => client.getNegotiatedProtocolVersion() === "2026-07-28";

const second =
  (mode: "legacy" | "auto" | { pin: string }): Open =>
  async (way, timeoutMs) => {
    const client = new Client(about, { versionNegotiation: { mode } });
    const requestInit = { headers: bearer(way) };
    await client.connect(
      way.over === "http"
        ? new StreamableHTTPClientTransport(new URL(way.url), { requestInit })
        : new StdioClientTransport(serverOf(way)),
    );
    return {
      list: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, values, { signal, onProgress } = {}) =>
        calledOf(
          await client.callTool(
            { name, arguments: values },
            {
              ...requestOptions(timeoutMs),
              ...(signal === undefined ? {} : { signal }),
              ...(onProgress === undefined ? {} : { onprogress: onProgress }),
            },
          ),
        ),
      watch: async (uri, onUpdated) => {
        client.setNotificationHandler("notifications/resources/updated", ({ params }) => onUpdated(params.uri));
        await (isModern(client) ? client.listen({ resourceSubscriptions: [uri] }) : client.subscribeResource({ uri }));
      },
      close: () => client.close(),
    };
  };

export const secondLegacy = second("legacy");
export const secondAuto = second("auto");
export const secondPinned = second({ pin: "2026-07-28" });
