// Classifies failed writes, and makes the error for a call that cannot be recorded.

import { QuaterError } from "../../../core/index.ts";
import { isPassing, isStoreFailure } from "../../store/service.ts";
import { DamagedHead, LostTrail, MissingKey } from "./head.ts";
import type { Meaning } from "./writer.ts";

export const meaningOf = (error: unknown): Meaning => {
  if (error instanceof DamagedHead || (isStoreFailure(error) && error.kind === "broken")) return "damage";
  return isPassing(error) || error instanceof MissingKey || error instanceof LostTrail ? "passing" : "unknown";
};

/**
 * Returns the error for the caller. @param cause  The failure. If the failure means damage, the hint in the error describes the
 * damage to the operator. The caller never sees the hint.
 */
export const unrecorded = (cause: unknown): QuaterError =>
  new QuaterError({
    code: "audit_unavailable",
    kind: "unavailable",
    message: "The server cannot record calls right now, so this call did not run. Repeat the call later",
    hint: cause instanceof DamagedHead ? cause.message : "Quater cannot write to the store of the trail. The log has the cause",
    retryAfterSeconds: 1,
    ...(cause === undefined ? {} : { cause }),
  });

/** Returns the database's code and text of an error, for the log. */
export const textOf = (error: unknown): string => (isStoreFailure(error) ? `${error.code}: ${error.message}` : String(error));
