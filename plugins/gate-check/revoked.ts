// A call may wait for a slow body, for a lock or for approvers. If the app revokes the caller's credential during the wait, the
// call must not run. So the gate lets the surface's authenticator check the credential again before the handler starts. The gate
// can do this second check only if the surface passes `entry` to `gate.invoke()`, and the author of a surface may forget `entry`.
// The gate suite tries only one handler on each surface, because each try waits 0.3 seconds. So the gate suite does not always
// find a surface that passes `entry` for some handlers, but not for others.

import { approved } from "./approvals.ts";
import { type Case, send, surfaceOf, type Target, tried } from "./cases.ts";
import { allowed } from "./principals.ts";
import type { GateRow } from "./report.ts";

export const revoked: Case = {
  name: "revoked",
  hole: "ran, although the caller's credential was revoked after the policy allowed the call and before the handler started",
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

/**
 * @returns One target for each surface and each further way over the surface. The handler of the target ran in the case `name`
 *   and needs a credential.
 */
export const oneForEachSurface = (targets: readonly Target[], rows: readonly GateRow[], name: string): readonly Target[] => {
  const found = new Map<string, Target>();
  for (const target of targets) {
    const { operation } = target;
    const surface = surfaceOf(target);
    const hasRun = rows.some(
      (row) => row.handler === operation.name && row.surface === surface && row.case === name && row.got === "ran",
    );
    if (hasRun && !operation.isPublic && !found.has(surface)) found.set(surface, target);
  }
  return [...found.values()];
};
