// One handler that needs approval, on all three surfaces, and callers as the surfaces meet them: a socket, JSON-RPC, a
// command line.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { authenticated, type Handler, handler, type Principal, Type } from "quater";
import { approval, approvalsRef, audit, cli, http, httpRef, mcp, mcpRef, store } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import type { ApprovalOptions, Approvals } from "../../../plugins/approval/index.ts";
import { createKey } from "../../../plugins/auth/commands.ts";

/** `ana` asks, `bea` and `cleo` decide. */
export const staff = {
  ana: principal({ subject: "ana" }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
  cleo: principal({ subject: "cleo", roles: ["finance"] }),
} as const satisfies Record<string, Principal>;

/** What `pay` was called with, in order. */
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
  /** Posts to `/payments` as `ana`. */
  readonly post: (input: object, headers?: Readonly<Record<string, string>>) => Promise<{ response: Response; body: Problem }>;
  /** `tools/call` of `pay` as `ana`'s agent, over a pair of streams. */
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
  readonly approval?: Partial<ApprovalOptions>;
  /** Default true. Without it nothing has a link. */
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
  const { services } = app.kernel;
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

const here = fileURLToPath(new URL(".", import.meta.url));

const manifestText = ({ hasHttp }: TillOptions) => `
import { appendFileSync } from "node:fs";
import { defineConfig, expose, handler, can, secret, Type } from "quater";
import { apiKeys, approval, audit, cli, firstOf, http, localUser, store } from "quater/plugins";
const pay = handler({
  description: "Pay somebody.",
  effect: "destructive",
  input: Type.Object({ to: Type.String(), cents: Type.Integer({ minimum: 1 }), pin: Type.Optional(secret(Type.String())) }),
  auth: can("pay"),
  preview: ({ cents }) => ({ leaves: cents }),
  handle: (input) => {
    appendFileSync(new URL("./paid.txt", import.meta.url), input.to + "\\n");
    return { paid: input.cents };
  },
});
export default defineConfig({
  name: "till",
  handlers: [expose(async () => ({ pay }), { pay: { cli: true, approval: "finance" } })],
  plugins: [
    ${hasHttp === true ? "http({ port: 0, authenticate: apiKeys() })," : ""}
    cli({ authenticate: firstOf(apiKeys(), localUser({ person: "ana", scopes: ["pay"] })) }),
    store({ mayLoseCommits: true }),
    audit(),
    approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ],
});
`;

interface TillOptions {
  /** Default false. With it there is a page to sign in to. */
  readonly hasHttp?: boolean;
}

export interface Till {
  readonly folder: string;
  /** Files with approver keys, by who holds them. */
  readonly keys: Readonly<Record<"bea" | "robot" | "ana", string>>;
  readonly keyOf: (who: "bea" | "robot" | "ana") => string;
  [Symbol.dispose](): void;
}

/** A project for the program itself: `pay` on the terminal, and a key file for each who decides. */
export const till = (options: TillOptions = {}): Till => {
  const folder = mkdtempSync(join(here, ".till-"));
  writeFileSync(join(folder, "quater.config.mjs"), manifestText(options));
  const rights = { scopes: [], roles: ["finance"] };
  const made = {
    bea: createKey(join(folder, ".quater/keys.json"), { name: "bea", kind: "user", person: "bea", ...rights }).key,
    ana: createKey(join(folder, ".quater/keys.json"), { name: "ana", kind: "user", person: "ana", ...rights }).key,
    robot: createKey(join(folder, ".quater/keys.json"), { name: "robot", kind: "agent", actsFor: "bea", ...rights }).key,
  };
  const fileOf = (who: keyof typeof made) => {
    const file = join(folder, `${who}.key`);
    writeFileSync(file, `${made[who]}\n`, { mode: 0o600 });
    return file;
  };
  return {
    folder,
    keys: { bea: fileOf("bea"), ana: fileOf("ana"), robot: fileOf("robot") },
    keyOf: (who) => made[who],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
};
