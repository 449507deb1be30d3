// A small shop whose refunds need approval by one person of finance. The shop serves the approvals page on a real socket. The
// visitors of the approvals page are in visitor-kit.ts.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authenticated, type Handler, handler, type Principal, secret, Type } from "quater";
import { http } from "quater/http";
import type { OptionsOf } from "quater/plugin-api";
import { audit, store } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { approval } from "../../../plugins/approval/index.ts";
import { type Approvals, approvalsRef } from "../../../plugins/approval/service.ts";
import { httpRef } from "../../../plugins/http/service.ts";

export * from "./visitor-kit.ts";

const agentOf = (subject: string, actsFor: string): Principal => {
  const { person: _nobody, ...agent } = principal({ subject, kind: "agent", actsFor, roles: ["finance"] });
  return agent;
};

/**
 * The principals of the shop, by token. `bea` and `cleo` have the role finance and vote, `ana` makes calls, and `robot` is an
 * agent that acts for `ana`.
 */
export const people = {
  ana: principal({ subject: "ana", roles: ["finance"] }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
  cleo: principal({ subject: "cleo", roles: ["finance"] }),
  dan: principal({ subject: "dan", roles: [] }),
  robot: agentOf("robot", "ana"),
} as const;

export const handled: unknown[] = [];

export const refundOrder: Handler = handler({
  description: "Refund a paid order.",
  effect: "destructive",
  input: Type.Object({
    orderId: Type.String(),
    amountCents: Type.Integer(),
    reason: Type.Optional(Type.String()),
    pin: Type.Optional(secret(Type.String())),
  }),
  auth: authenticated,
  preview: ({ orderId, amountCents }) => ({ order: orderId, refund: `${(amountCents / 100).toFixed(2)} EUR` }),
  handle: (input) => {
    handled.push(input);
    return { ok: true };
  },
});

export interface PageBoot {
  readonly approval?: Partial<OptionsOf<typeof approval>>;
  readonly people?: Readonly<Record<string, Principal>>;
  readonly audit?: OptionsOf<typeof audit>;
  readonly http?: OptionsOf<typeof http>;
  readonly store?: OptionsOf<typeof store>;
  /** The folder of another shop, which deletes the folder when the other shop stops. */
  readonly root?: string;
}

export interface Shop extends AsyncDisposable {
  readonly app: TestApp;
  readonly root: string;
  readonly baseUrl: string;
  readonly approvals: Approvals;
  /** Files an approval request for a call of `who`. @returns The id of the approval request. */
  readonly file: (who: Principal, input?: object) => Promise<string>;
}

export const bootShop = async ({
  approval: options,
  people: table = people,
  audit: trail,
  http: server,
  store: place,
  root: shared,
}: PageBoot = {}): Promise<Shop> => {
  const root = shared ?? mkdtempSync(join(tmpdir(), "quater-page-"));
  const leave = () => shared === undefined && rmSync(root, { recursive: true, force: true });
  const door = tokens(table);
  const app = await bootTest({
    root,
    handlers: { refundOrder },
    expose: { refundOrder: { direct: true, http: "POST /orders/:orderId/refunds", approval: "finance" } },
    plugins: [
      http({ port: 0, authenticate: door, ...server }),
      store(place),
      audit(trail),
      approval({
        authenticate: door,
        policies: { finance: { approvers: [{ role: "finance", need: 1 }] } },
        maxFiledPerHour: 1_000,
        ...options,
      }),
    ],
  }).catch((error: unknown) => {
    leave();
    throw error;
  });
  const approvals = app.services.get(approvalsRef);
  return {
    app,
    root,
    baseUrl: app.services.get(httpRef).baseUrl ?? "",
    approvals,
    file: async (who, input = { orderId: "ord_1001", amountCents: 4_200 }) => {
      const outcome = await app.as(who).call("refundOrder", input, { surface: "direct" });
      if (outcome.ok || outcome.error.code !== "approval_required")
        throw new Error(`It was not filed: ${JSON.stringify(outcome)}`);
      return (outcome.error.details as { approval: { id: string } }).approval.id;
    },
    [Symbol.asyncDispose]: async () => {
      await app.stop();
      leave();
    },
  };
};
