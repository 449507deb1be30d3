// The parts of `quater approvals wait`: on this computer, and for a remote that authenticates the caller itself.

import { anonymous } from "../../../core/model/principal.ts";
import type { Gate } from "../../../core/plugin-api.ts";
import type { Approvals, OwnStatus } from "../service.ts";

export interface WaitParts {
  readonly approvals: Pick<Approvals, "untilDecided">;
  readonly gate: Pick<Gate, "enter" | "newCallId">;
  /** The names of the project's surfaces. */
  readonly surfaces: readonly string[];
}

/** @param untilDecided  Waits for the decision of the caller's own request on the remote. */
export const waitPartsOf = (untilDecided: (id: string, signal: AbortSignal) => Promise<OwnStatus>): WaitParts => ({
  approvals: { untilDecided: (_enter, _surface, id, { signal }) => untilDecided(id, signal) },
  gate: { enter: () => anonymous, newCallId: () => "" },
  surfaces: ["cli"],
});
