// A project that several processes run at once on one store. What its handler does is a line in a file of its own, so that
// what happened can be held against what store and trail say happened.

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { authenticated, handler, type Principal, Type } from "quater";
import { approvalsRef } from "quater/approval";
import type { Outcome, RunMode } from "quater/plugin-api";
import { approval, audit, store } from "quater/plugins";
import { storeRef } from "quater/store";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import type { Approvals } from "../../../plugins/approval/index.ts";
import type { OpenStore } from "../../../plugins/store/service.ts";

const { person: _, ...withoutPerson } = principal({ subject: "robot", kind: "agent" });

/** `robot` asks on behalf of `ana`; `bea` and `cleo` agree. */
export const robot: Principal = Object.freeze({ ...withoutPerson, actsFor: "ana" });
export const approvers = (["bea", "cleo"] as const).map((subject) => principal({ subject, roles: ["finance"] }));

export interface Payment {
  readonly key: string;
  /** How long it takes. */
  readonly slowMs: number;
}

/** The handler began. */
export interface Effect {
  readonly callId: string;
  readonly key: string;
}

export interface CrowdBoot {
  readonly root: string;
  /** `-`: SQLite. */
  readonly url: string;
  /** "run" for a process that only reads: it does not sweep. */
  readonly mode: RunMode;
  /** How many people must agree. */
  readonly need: number;
  /** Of audit. Default: as in production. */
  readonly leaseMs?: number;
}

export interface Crowd extends AsyncDisposable {
  readonly app: TestApp;
  readonly approvals: Approvals;
  open(): Promise<OpenStore>;
  pay(input: Payment, callId: string, id?: string): Promise<Outcome>;
  /** This approver says so, having looked at what is asked. */
  vote(approver: Principal, id: string, verdict: "approve" | "deny"): Promise<void>;
}

const effectsFile = "effects.jsonl";

export const bootCrowd = async ({ root, url, mode, need, leaseMs }: CrowdBoot): Promise<Crowd> => {
  const pay = handler({
    description: "Pay somebody.",
    effect: "write",
    input: Type.Object({ key: Type.String(), slowMs: Type.Integer() }),
    auth: authenticated,
    handle: async ({ key, slowMs }, { callId }) => {
      appendFileSync(join(root, effectsFile), `${JSON.stringify({ callId, key } satisfies Effect)}\n`);
      if (slowMs > 0) await pause(slowMs);
      return { key };
    },
  });
  const app = await bootTest({
    root,
    mode,
    drainMs: 5_000,
    handlers: { pay },
    expose: { pay: { direct: true, approval: "finance" } },
    plugins: [
      store(url === "-" ? {} : { url }),
      audit(leaseMs === undefined ? {} : { leaseMs }),
      approval({
        authenticate: tokens({}),
        policies: { finance: { approvers: [{ role: "finance", need }], usableForMs: 3_600_000 } },
        maxPending: 10_000,
        maxFiledPerHour: 100_000,
      }),
    ],
  });
  const kernel = kernelOf(app);
  const approvals = kernel.services.get(approvalsRef);
  return {
    app,
    approvals,
    open: () => kernel.services.get(storeRef).open(),
    pay: (input, callId, approvalId) =>
      kernel.invoke({
        handler: "pay",
        surface: "direct",
        principal: robot,
        given: [{ from: "arguments", isText: false, values: { ...input } }],
        callId,
        approvalId,
      }),
    vote: async (approver, id, verdict) => {
      const { digest } = await approvals.show(approver, id);
      await approvals.vote({ principal: approver, via: "api" }, { id, verdict, digest });
    },
    [Symbol.asyncDispose]: () => app.stop(),
  };
};

export const codeOf = (outcome: Outcome): string => (outcome.ok ? "ok" : outcome.error.code);

/** The store was too slow or held; nothing ran, and the call may be repeated. */
export const isUnavailable = (outcome: Outcome): boolean => !outcome.ok && outcome.error.kind === "unavailable";

export const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What a refusal says of the approval it speaks of. */
export interface SaidOfApproval {
  readonly id: string;
  readonly status?: string;
  /** With `approval_used`. */
  readonly usedBy?: { readonly callId: string; readonly outcome: string };
  /** With `approval_required`: the last identical call that was agreed to. */
  readonly earlier?: { readonly id: string; readonly callId: string; readonly outcome: string };
}

export const approvalIn = (outcome: Outcome): SaidOfApproval | undefined =>
  outcome.ok ? undefined : (outcome.error.details?.["approval"] as SaidOfApproval | undefined);

/** All lines of all processes. */
export const effectsIn = (root: string): readonly Effect[] => {
  const file = join(root, effectsFile);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Effect);
};
