// A credential that is revoked while its call waits, for a slow body, a lock or people, must not run the call. The gate asks
// the surface's authenticator again before the handler starts. A surface makes that possible by passing `entry` to
// `gate.invoke()`, which a plugin of the project may forget. Only one handler is tried on each surface, because each try waits 0.3 seconds.
// So a plugin that passes `entry` for some handlers, but not for others, is not always found.

import { approved } from "./approvals.ts";
import { type Case, send, type Target, tried } from "./cases.ts";
import { allowed } from "./principals.ts";
import type { GateRow } from "./report.ts";

export const revoked: Case = {
  name: "revoked",
  hole: "ran although the caller's credential was revoked after the policy allowed the call and before the handler started",
  remedy: ({ surface }) => `Pass entry to gate.invoke() in the plugin of ${surface}`,
  run: async (target) => {
    const { operation, rehearsed, surface, granted, inputs } = target;
    if (!rehearsed.hasDoor(surface)) return [];
    const call = target.needsApproval
      ? await approved(target)
      : { token: rehearsed.tokens.grant(surface, allowed(operation, granted)), input: inputs.right() };
    const seen = await rehearsed.callDuring(
      () => rehearsed.tokens.revoke(call.token),
      () => send(target, call.token, call.input),
    );
    return tried(seen, ["invalid_token"]);
  },
};

/** @returns For each surface one handler that ran in the case `name` and needs a credential. */
export const oneForEachSurface = (targets: readonly Target[], rows: readonly GateRow[], name: string): readonly Target[] => {
  const found = new Map<string, Target>();
  for (const target of targets) {
    const { operation, surface } = target;
    const hasRun = rows.some(
      (row) => row.handler === operation.name && row.surface === surface && row.case === name && row.got === "ran",
    );
    if (hasRun && !operation.isPublic && !found.has(surface)) found.set(surface, target);
  }
  return [...found.values()];
};
