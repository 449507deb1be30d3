// The parts of `quater approvals wait`, for approval requests on this computer, and for a remote that authenticates the caller
// itself.

import { anonymous } from "../../../core/model/principal.ts";
import type { Gate } from "../../../core/plugin-api.ts";
import type { Approvals, OwnStatus } from "../service.ts";

export interface WaitParts {
  readonly approvals: Pick<Approvals, "untilDecided">;
  readonly gate: Pick<Gate, "enter" | "newCallId">;
  /** The names of the surfaces of the project. */
  readonly surfaces: readonly string[];
}

/** @param untilDecided  Waits until people have decided the caller's own approval request on the remote. */
export const waitPartsOf = (untilDecided: (id: string, signal: AbortSignal) => Promise<OwnStatus>): WaitParts => ({
  approvals: { untilDecided: (_enter, _surface, id, { signal }) => untilDecided(id, signal) },
  gate: { enter: () => anonymous, newCallId: () => "" },
  surfaces: ["cli"],
});
