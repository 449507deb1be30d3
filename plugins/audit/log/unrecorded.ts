// Classifies failed writes to the trail, and makes the error for a call that Quater cannot record.

import { QuaterError } from "../../../core/index.ts";
import { isPassing, isStoreFailure } from "../../store/service.ts";
import { DamagedHead, LostTrail, MissingKey } from "./head.ts";
import type { Meaning } from "./writer.ts";

export const meaningOf = (error: unknown): Meaning => {
  if (error instanceof DamagedHead || (isStoreFailure(error) && error.kind === "broken")) return "damage";
  return isPassing(error) || error instanceof MissingKey || error instanceof LostTrail ? "passing" : "unknown";
};

/**
 * Returns the error for the caller of a call that Quater cannot record. @param cause  The failure of the write. If the failure
 * means damage, the hint in the returned error describes the damage to the operator. The caller never sees the hint.
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

/** Returns an error's text for the log. For an error of the database, the text includes the database's code. */
export const textOf = (error: unknown): string => (isStoreFailure(error) ? `${error.code}: ${error.message}` : String(error));
