// An app with one tool that needs approval, and calls of it in revision 2026-07-28: the first call, and its repetitions with the
// answer of the user.

import { authenticated, authenticator, type Handler, handler, type Principal, Type } from "quater";
import { approvalsRef } from "quater/approval";
import type { mcp as Mcp } from "quater/mcp";
import { definePlugin, type OptionsOf } from "quater/plugin-api";
import { approval, audit, http, mcp, store } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { expect } from "vitest";
import type { Approvals } from "../../../plugins/approval/index.ts";
import { headers, type Rpc, urlOf } from "./shop.ts";

/** `ana` and `ben` ask, `bea` decides. */
export const staff = {
  ana: principal({ subject: "ana" }),
  ben: principal({ subject: "ben" }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
} as const satisfies Record<string, Principal>;

const input = Type.Object({ to: Type.String(), cents: Type.Integer({ minimum: 1 }) });

export interface TillGiven {
  readonly root: string;
  /** Of PostgreSQL; absent: SQLite. */
  readonly url?: string | undefined;
  readonly mcp?: OptionsOf<typeof Mcp>;
  /** More tools, which need no approval. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  readonly port?: number;
  readonly publicUrl?: string;
}

export interface Till extends AsyncDisposable {
  readonly app: TestApp;
  readonly approvals: Approvals;
  /** The arguments of the payments that ran, in order. */
  readonly paid: readonly object[];
  /** The code of each call that ended, or "ok". */
  readonly ended: readonly string[];
  /** How often the credential of an agent was checked. Each read of a held call is such a check. */
  readonly checks: () => number;
  /** Refuses the credential from now on. */
  readonly revoke: (who: keyof typeof staff) => void;
  readonly vote: (id: string, verdict?: "approve" | "deny") => Promise<void>;
}

export const bootTill = async ({ root, url, mcp: options, handlers = {}, port = 0, publicUrl }: TillGiven): Promise<Till> => {
  const paid: object[] = [];
  const ended: string[] = [];
  const revoked = new Set<string>();
  let checks = 0;
  const about = { effect: "destructive", input, output: Type.Object({ paid: Type.Integer() }), auth: authenticated } as const;
  const handle = (payment: { readonly cents: number }) => {
    paid.push(payment);
    return { paid: payment.cents };
  };
  const pay = handler({ ...about, description: "Pay somebody.", handle });
  const lend = handler({ ...about, description: "Lend somebody money.", handle });
  const counting = authenticator({
    name: "counting",
    reads: { schemes: ["Bearer"] },
    authenticate: ({ token = "" }) => {
      checks++;
      return Object.hasOwn(staff, token) && !revoked.has(token) ? staff[token as keyof typeof staff] : undefined;
    },
  });
  const noting = definePlugin(() => ({
    name: "noting",
    hooks: {
      settled: (_call, outcome) => {
        ended.push(outcome.ok ? "ok" : outcome.error.code);
      },
    },
  }));
  const gated = { mcp: true, approval: "finance" };
  const app = await bootTest({
    root,
    handlers: { ...handlers, pay, lend },
    expose: { ...Object.fromEntries(Object.keys(handlers).map((name) => [name, { mcp: true }])), pay: gated, lend: gated },
    plugins: [
      http({ port, authenticate: tokens(staff) }),
      mcp({ authenticate: counting, ...options }),
      noting(),
      store({ ...(url === undefined ? {} : { url }), mayLoseCommits: true }),
      audit(),
      approval({
        authenticate: tokens(staff),
        policies: { finance: { approvers: [{ role: "finance" }] } },
        ...(publicUrl === undefined ? {} : { publicUrl }),
      }),
    ],
  });
  const approvals = app.services.get(approvalsRef);
  return {
    app,
    approvals,
    paid,
    ended,
    checks: () => checks,
    revoke: (who) => void revoked.add(who),
    vote: async (id, verdict = "approve") => {
      const { digest } = await approvals.show(staff.bea, id);
      await approvals.vote({ principal: staff.bea, via: "api" }, { id, verdict, digest });
    },
    [Symbol.asyncDispose]: () => app.stop(),
  };
};

export const toBo = { to: "Bo", cents: 5 };

export interface Repetition {
  readonly requestState?: unknown;
  readonly inputResponses?: unknown;
}

export interface CallGiven extends Repetition {
  readonly name?: string;
  readonly values?: object;
  readonly capabilities?: object;
  readonly meta?: object;
}

/** The text of a `tools/call` of revision 2026-07-28. */
export const callOf = (given: CallGiven = {}): string => {
  const { name = "pay", values = toBo, capabilities = { elicitation: { url: {} } }, meta, ...repetition } = given;
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    ...meta,
  };
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 7,
    method: "tools/call",
    params: { name, arguments: values, _meta, ...repetition },
  });
};

export const headersOf = (name = "pay", token = "ana"): Record<string, string> => ({
  ...headers,
  authorization: `Bearer ${token}`,
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": name,
});

export interface Answered {
  /** The HTTP status. */
  readonly status?: number;
  readonly error?: Rpc["error"];
  readonly result?: Rpc["result"] & {
    readonly resultType: string;
    readonly requestState?: string;
    readonly inputRequests?: {
      readonly approval: { readonly method: string; readonly params: Readonly<Record<string, string>> };
    };
  };
}

export const call = async (app: TestApp, given: CallGiven = {}, token = "ana"): Promise<Answered> => {
  const response = await fetch(urlOf(app), { method: "POST", headers: headersOf(given.name, token), body: callOf(given) });
  return { ...(JSON.parse(jsonIn(await response.text())) as Answered), status: response.status };
};

/** Returns the message in an answer: the last event of a stream, or the whole answer. */
const jsonIn = (text: string): string =>
  text
    .split("\n")
    .findLast((line) => line.startsWith("data: "))
    ?.slice(6) ?? text;

export const yes = { inputResponses: { approval: { action: "accept" } } };

/** Makes the first call. @returns The id of the request, and the part of a repetition in which the user has agreed to open the page. */
export const asked = async (app: TestApp, given: CallGiven = {}): Promise<{ id: string; again: Repetition & CallGiven }> => {
  const { result } = await call(app, given);
  expect(result?.resultType).toBe("input_required");
  const { requestState = "" } = result ?? {};
  return { id: idIn(result?.inputRequests?.approval.params["url"]), again: { ...given, ...yes, requestState } };
};

export const idIn = (text = ""): string => /apr_[a-z2-7]{20}/.exec(text)?.[0] ?? "";

/** Resolves when the server holds a call: it has checked the credential of the call, and once more for its first read. */
export const whenHeld = (till: Till, before: number): Promise<void> =>
  expect.poll(till.checks, { interval: 5 }).toBeGreaterThanOrEqual(before + 2);
