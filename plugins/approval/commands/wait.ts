// The command `quater approvals wait` for requesters. The command needs no approver key, because it prints only the state of the
// requester's own approval request.

import { QuaterError, type Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import type { OwnStatus } from "../service.ts";
import type { waitInput } from "./inputs.ts";
import type { WaitParts } from "./wait-parts.ts";

const approved = 0;
/**
 * Exit codes of `quater approvals wait`, which are the same as for calls: 75 means that the caller can try again later, 77 means
 * that the call is refused.
 */
const stillPending = 75;
const refused = 77;

const codeOf: Readonly<Record<OwnStatus["status"], number>> = {
  pending: stillPending,
  approved,
  consumed: approved,
  denied: refused,
  cancelled: refused,
  expired: refused,
  revoked: refused,
};

export const wait = async (
  { approvals, gate, surfaces }: WaitParts,
  { id, timeoutSeconds }: Static<typeof waitInput>,
  io: CommandIo,
): Promise<number> => {
  const { surface } = io.credentials;
  if (!surfaces.includes(surface)) throw noSurface(surface);
  const enter = () => gate.enter({ surface, credentials: io.credentials, callId: gate.newCallId() });
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  io.signal.addEventListener("abort", leave);
  if (io.signal.aborted) leave();
  const timer = setTimeout(leave, timeoutSeconds * 1000);
  if (timeoutSeconds === 0) leave();
  try {
    const status = await approvals.untilDecided(enter, surface, id, { signal: leaving.signal });
    const { usedBy, ...shown } = status;
    const { callId, ...ended } = usedBy ?? {};
    io.show(callId === undefined ? shown : { ...shown, usedBy: callId, ...ended });
    return codeOf[status.status];
  } finally {
    clearTimeout(timer);
    io.signal.removeEventListener("abort", leave);
  }
};

const noSurface = (surface: string): QuaterError =>
  new QuaterError({
    code: "unauthenticated",
    kind: "unauthenticated",
    message: `The requester cannot be authenticated, because ${surface}() is not configured`,
    hint: `Add ${surface}({ authenticate: ... }) to plugins`,
  });
