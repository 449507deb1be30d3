// A project that several processes run at once on one store, whose handler changes shared subjects: files with a version. The
// preview of the handler contains the version. If the version has changed between the preview and the run, the preview was stale.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { authenticated, handler, Type } from "quater";
import { approvalsRef } from "quater/approval";
import { definePlugin, type Outcome } from "quater/plugin-api";
import { approval, audit, store } from "quater/plugins";
import { storeRef } from "quater/store";
import { bootTest, type TestApp, tokens } from "quater/testing";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import type { Approvals } from "../../../plugins/approval/index.ts";
import type { OpenStore } from "../../../plugins/store/service.ts";
import { approvalIn, approvers, robot } from "./crowd.ts";

export interface Change {
  readonly subject: string;
  /** A number that makes this call different from other calls. */
  readonly n: number;
  readonly slowMs: number;
  /** A child stops itself in the preview, after it read the version. */
  readonly isFrozen?: boolean;
}

/** The handler began. */
export interface Effect {
  readonly callId: string;
  readonly subject: string;
  readonly version: number;
}

export interface LockCrowd extends AsyncDisposable {
  readonly app: TestApp;
  readonly approvals: Approvals;
  readonly change: (input: Change, callId?: string) => Promise<Outcome>;
  /** Files the call and lets people agree. @returns The request's id. */
  readonly approved: (input: Change) => Promise<string>;
  readonly open: () => Promise<OpenStore>;
  /** How long each call waited between its last check and its handler, milliseconds. */
  readonly waits: ReadonlyMap<string, number>;
}

export interface LockCrowdBoot {
  readonly root: string;
  /** `-`: SQLite. */
  readonly url: string;
  readonly lockLeaseMs?: number;
  readonly onPreview?: (input: Change) => void;
}

const effectsFile = "effects.jsonl";

export const effectsOf = (root: string): readonly Effect[] => {
  const file = join(root, effectsFile);
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  return lines.map((line) => JSON.parse(line) as Effect);
};

export const bootLockCrowd = async ({ root, url, lockLeaseMs = 30_000, onPreview }: LockCrowdBoot): Promise<LockCrowd> => {
  const fileOf = (subject: string) => join(root, `subject-${subject}`);
  const versionOf = (subject: string) => (existsSync(fileOf(subject)) ? Number(readFileSync(fileOf(subject), "utf8")) : 0);
  const change = handler({
    description: "Change a subject.",
    effect: "write",
    input: Type.Object({
      subject: Type.String(),
      n: Type.Integer(),
      slowMs: Type.Integer(),
      isFrozen: Type.Optional(Type.Boolean()),
    }),
    auth: authenticated,
    preview: (input) => {
      const version = versionOf(input.subject);
      onPreview?.(input as Change);
      return { version };
    },
    handle: async ({ subject, slowMs }, { callId }) => {
      const version = versionOf(subject);
      appendFileSync(join(root, effectsFile), `${JSON.stringify({ callId, subject, version } satisfies Effect)}\n`);
      await pause(slowMs);
      writeFileSync(fileOf(subject), String(version + 1));
    },
  });
  const waits = new Map<string, number>();
  const stopwatch = definePlugin(() => {
    const since = new Map<string, number>();
    const noted = (callId: string) => {
      const begun = since.get(callId);
      if (begun !== undefined && since.delete(callId)) waits.set(callId, performance.now() - begun);
    };
    return {
      name: "stopwatch",
      wants: [approvalsRef],
      hooks: {
        approve: ({ callId }) => {
          since.set(callId, performance.now());
          return { allow: true, by: "stopwatch" };
        },
        around: ({ callId }, next) => {
          noted(callId);
          return next();
        },
        settled: ({ callId }) => noted(callId),
      },
    };
  });
  const app = await bootTest({
    root,
    mode: "serve",
    drainMs: 5_000,
    handlers: { change },
    expose: { change: { direct: true, approval: "finance", lock: { name: "subject", by: "subject" } } },
    plugins: [
      store({ ...(url === "-" ? {} : { url }), lockLeaseMs, mayLoseCommits: true }),
      audit(),
      approval({
        authenticate: tokens({}),
        policies: { finance: { approvers: [{ role: "finance" }], usableForMs: 3_600_000 } },
        maxPending: 10_000,
        maxFiledPerHour: 10_000,
      }),
      stopwatch(),
    ],
  });
  const approvals = app.services.get(approvalsRef);
  const call: LockCrowd["change"] = (input, callId = `call ${crypto.randomUUID()}`) =>
    kernelOf(app).invoke({
      handler: "change",
      surface: "direct",
      principal: robot,
      given: [{ from: "arguments", isText: false, values: { ...input } }],
      callId,
    });
  return {
    app,
    approvals,
    change: call,
    approved: async (input) => {
      const id = approvalIn(await call(input))?.id;
      const [approver] = approvers;
      if (id === undefined || approver === undefined) throw new Error(`${JSON.stringify(input)} was not filed`);
      const { digest } = await approvals.show(approver, id);
      await approvals.vote({ principal: approver, via: "api" }, { id, verdict: "approve", digest });
      return id;
    },
    open: () => app.services.get(storeRef).open(),
    waits,
    [Symbol.asyncDispose]: () => app.stop(),
  };
};
