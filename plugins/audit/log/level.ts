// The exposure key `audit`, which sets how much of a call the trail stores.

import { Type } from "../../../core/index.ts";
import { exposureKey } from "../../../core/plugin-api.ts";

const levels = ["off", "metadata", "request", "response"] as const;
/**
 * The levels of the exposure key `audit`. `off` stores no event, and is only for reads. `metadata` stores the caller, the
 * handler, the time and the outcome of a call. `request` also stores the arguments, and `response` also stores the result.
 */
export type AuditLevel = (typeof levels)[number];

export const auditKey = exposureKey("audit", Type.Enum([...levels]), {
  check: (level, { handler, needsApproval, name }) =>
    level === "off" && (handler.effect !== "read" || needsApproval)
      ? [
          {
            cause: `The exposure of ${name} sets audit: "off", but ${handler.effect === "read" ? `${name} needs approval` : `the effect of ${name} is "${handler.effect}"`}`,
            remedy: 'Write audit: "metadata", or remove audit. The trail can omit only reads without approval',
          },
        ]
      : [],
});
