// One handler that needs approval, on all three surfaces. Callers reach http over a socket and mcp by JSON-RPC. The calls at the
// terminal are in till-kit.ts.

import { PassThrough } from "node:stream";
import { authenticated, type Handler, handler, type Principal, Type } from "quater";
import { approvalsRef } from "quater/approval";
import { httpRef } from "quater/http";
import { mcpRef } from "quater/mcp";
import type { OptionsOf } from "quater/plugin-api";
import { approval, audit, cli, http, mcp, store } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import type { Approvals } from "../../../plugins/approval/index.ts";

export * from "./till-kit.ts";

/** The people of the project. `ana` makes calls, and `bea` and `cleo` decide approval requests. */
export const staff = {
  ana: principal({ subject: "ana" }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
  cleo: principal({ subject: "cleo", roles: ["finance"] }),
} as const satisfies Record<string, Principal>;

/** The inputs with which `pay` ran, in order. */
export const paid: { readonly to: string; readonly cents: number }[] = [];

const pay = handler({
  description: "Pay somebody.",
  effect: "destructive",
  input: Type.Object({ to: Type.String(), cents: Type.Integer({ minimum: 1 }) }),
  output: Type.Object({ paid: Type.Integer() }),
  auth: authenticated,
  preview: ({ cents }) => ({ leaves: cents }),
  handle: (input) => {
    paid.push(input);
    return { paid: input.cents };
  },
});

export interface Counter extends AsyncDisposable {
  readonly app: TestApp;
  readonly approvals: Approvals;
  readonly baseUrl: string;
  /** Sends a POST request to `/payments` as `ana`. */
  readonly post: (input: object, headers?: Readonly<Record<string, string>>) => Promise<{ response: Response; body: Problem }>;
  /** Sends `tools/call` of `pay` as the agent of `ana`, over a pair of streams. */
  readonly tool: (input: object, meta?: object) => Promise<RpcAnswer>;
  readonly vote: (who: keyof typeof staff, id: string, verdict?: "approve" | "deny", reason?: string) => Promise<void>;
}

export interface Problem {
  readonly [name: string]: unknown;
  readonly code?: string;
  readonly approval?: Readonly<Record<string, unknown>>;
}

export interface RpcAnswer {
  readonly error?: { readonly code: number; readonly message: string };
  readonly result?: {
    readonly isError?: boolean;
    readonly content: readonly { readonly text: string }[];
    readonly _meta: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

export interface CounterBoot {
  readonly root: string;
  readonly approval?: Partial<OptionsOf<typeof approval>>;
  /** Whether the project has http(). Default true. Without http(), responses contain no links to the approvals page. */
  readonly hasHttp?: boolean;
  readonly handlers?: Readonly<Record<string, Handler>>;
}

export const bootCounter = async ({
  root,
  approval: options,
  hasHttp = true,
  handlers = { pay },
}: CounterBoot): Promise<Counter> => {
  const surfaces = { ...(hasHttp ? { http: "POST /payments" } : {}), mcp: true, cli: true, approval: "finance" };
  const app = await bootTest({
    root,
    handlers,
    expose: Object.fromEntries(Object.keys(handlers).map((name) => [name, surfaces])),
    plugins: [
      ...(hasHttp ? [http({ port: 0, authenticate: tokens(staff) })] : []),
      mcp({ authenticate: tokens(staff) }),
      cli({ authenticate: tokens(staff) }),
      store({ mayLoseCommits: true }),
      audit(),
      approval({
        authenticate: tokens(staff),
        publicUrl: "https://shop.example",
        policies: { finance: { approvers: [{ role: "finance" }] } },
        ...options,
      }),
    ],
  });
  const { services } = app;
  const approvals = services.get(approvalsRef);
  const baseUrl = services.find(httpRef)?.baseUrl ?? "";
  return {
    app,
    approvals,
    baseUrl,
    post: async (input, headers = {}) => {
      const response = await fetch(`${baseUrl}/payments`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer ana", ...headers },
        body: JSON.stringify(input),
      });
      return { response, body: (await response.json()) as Problem };
    },
    tool: async (input, meta) => {
      const params = { name: "pay", arguments: input, ...(meta === undefined ? {} : { _meta: meta }) };
      const [from, to] = [new PassThrough(), new PassThrough()];
      from.end(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params })}\n`);
      await services.get(mcpRef).serveStdio({ input: from, output: to, env: { QUATER_MCP_TOKEN: "ana" }, say: () => {} });
      return JSON.parse(String(to.read())) as RpcAnswer;
    },
    vote: async (who, id, verdict = "approve", reason) => {
      const { digest } = await approvals.show(staff[who], id);
      await approvals.vote(
        { principal: staff[who], via: "api" },
        { id, verdict, digest, ...(reason === undefined ? {} : { reason }) },
      );
    },
    [Symbol.asyncDispose]: () => app.stop(),
  };
};
