// A server on a real socket that sends the responses of a test, and records the HTTP requests that it receives.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { change } from "../../../../plugins/cli/remote/known.ts";
import { quater, type Seen, type Typed } from "../kit.ts";
import { userHome } from "./kit.ts";

export const protocol = "quater-actions.v2";
export const token = "s3cret-token";

export interface Asked {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

export type Answering = (req: IncomingMessage, res: ServerResponse) => void;

export interface Scripted extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Replaces the responses of the server for all later HTTP requests. */
  readonly answer: (answering: Answering) => void;
}

export const scripted = async (first: Answering): Promise<Scripted> => {
  let answering = first;
  const asked: Asked[] = [];
  const server: Server = createServer((req, res) => {
    let body = "";
    req.on("data", (part: Buffer) => {
      body += part.toString();
    });
    req.on("end", () => {
      asked.push({ line: `${req.method} ${req.url}`, authorization: req.headers.authorization, body });
      answering(req, res);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: (next) => {
      answering = next;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

export const json =
  (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answering =>
  (_, res) =>
    void res.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

export const action = (more: object = {}) => ({
  name: "pay",
  description: "Pays somebody.",
  effect: "write",
  auth: "can(pay)",
  input: { type: "object", properties: { to: { type: "string" } }, required: ["to"], additionalProperties: false },
  isStream: false,
  needsApproval: false,
  problems: [],
  ...more,
});

export const listOf = (...actions: readonly object[]) => ({ protocol, service: { name: "shop", version: "1" }, actions });

/** Answers the request for the list of actions, and answers calls by `answering`. */
export const listing =
  (answering: Answering, ...actions: readonly object[]): Answering =>
  (req, res) =>
    (req.method === "GET" ? json(listOf(...(actions.length === 0 ? [action()] : actions))) : answering)(req, res);

/** Returns a user who has stored the server as the remote "prod", with a token. */
export const victim = (url: string) => {
  const home = userHome();
  change(home.env, "prod", { name: "prod", url, token });
  return {
    env: home.env,
    type: async (line: string, typed: Typed = {}): Promise<Seen> => {
      const seen = await quater(line.split(" "), { cwd: home.env.QUATER_HOME, ...typed, env: { ...home.env, ...typed.env } });
      // No text of a server may control the terminal, and no output may contain the token.
      const all = seen.out + seen.err;
      if (/[^\P{Cc}\n\t]/u.test(all.replaceAll("\r\u001b[2K", ""))) throw new Error(`Escapes: ${JSON.stringify(all)}`);
      if (all.includes(token)) throw new Error("The token was printed");
      return seen;
    },
    [Symbol.dispose]: home[Symbol.dispose],
  };
};
