// An app whose tools `pay` and `lend` need approval. The calls are in approval-kit.ts.

import { authenticated, authenticator, type Handler, handler, type Principal, Type } from "quater";
import { approvalsRef } from "quater/approval";
import type { mcp as Mcp } from "quater/mcp";
import { definePlugin, type OptionsOf } from "quater/plugin-api";
import { approval, audit, http, mcp, store } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import type { Approvals } from "../../../plugins/approval/index.ts";

/** `ana` and `ben` make the calls, and `bea` decides the approval requests. */
export const staff = {
  ana: principal({ subject: "ana" }),
  ben: principal({ subject: "ben" }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
} as const satisfies Record<string, Principal>;

const input = Type.Object({ to: Type.String(), cents: Type.Integer({ minimum: 1 }) });

export interface TillGiven {
  readonly root: string;
  /** The URL of PostgreSQL. Without a URL, the app uses SQLite. */
  readonly url?: string | undefined;
  readonly mcp?: OptionsOf<typeof Mcp>;
  /** More tools of the app, which need no approval. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  readonly port?: number;
  readonly publicUrl?: string;
}

export interface Till extends AsyncDisposable {
  readonly app: TestApp;
  readonly approvals: Approvals;
  /** The arguments of the payments that ran, in order. */
  readonly paid: readonly object[];
  /** The error code of each call that ended, or "ok". */
  readonly ended: readonly string[];
  /** How often the app has checked the credential of an agent. The app checks the credential before each read of a held call. */
  readonly checks: () => number;
  /** After `revoke`, the app refuses the credential of `who`. */
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
