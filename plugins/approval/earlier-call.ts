// Describes an earlier call that may be the same as the current call, so that requesters and approvers notice a repetition of a
// call.

export type RanBefore =
  | {
      /**
       * `identical`: the earlier call had the same arguments as the current call. `similar`: the arguments that both input
       * schemas have are equal, or look equal to people, and the listed `fields` differ.
       */
      readonly match: "identical" | "similar";
      /** The id of the approval request of the earlier call. */
      readonly id: string;
      readonly callId: string;
      /** When the earlier call ran, milliseconds since the epoch. */
      readonly at: number;
      readonly outcome: string;
      /**
       * When the earlier call ended, milliseconds since the epoch. The time is absent while the earlier call runs, and if the end
       * of the earlier call is unknown.
       */
      readonly endedAt?: number;
      /**
       * Paths of the arguments that differ, or that only one of the two calls has (differing.ts). The paths are safe to print.
       */
      readonly fields: readonly string[];
    }
  /** The same call may have run before, but Quater cannot compare the earlier calls with the current call. */
  | { readonly match: "cannot_tell"; readonly reason: string };

/** Describes the earlier call in one sentence without a full stop, for people and models. */
export const ranBeforeInWords = (before: RanBefore): string => {
  if (before.match === "cannot_tell") return `It is not known whether this call ran before: ${before.reason}`;
  const { match, id, callId, at, fields } = before;
  const which = match === "identical" ? "An identical call" : "A similar call";
  const names = match === "similar" ? `. These fields differ: ${fields.join(", ")}` : "";
  return `${which} ran before, at ${isoTime(at)}, ${endInWords(before)} (call ${callId}, approval ${id})${names}`;
};

/** Describes how and when a call ended, as the end of a sentence whose subject is the call. */
export const endInWords = ({ outcome, endedAt }: { readonly outcome: string; readonly endedAt?: number | undefined }): string => {
  if (outcome === "running") return "and is still running";
  if (outcome === "unknown") return "and its outcome is unknown";
  return endedAt === undefined ? `and ${outcome}` : `and ${outcome} at ${isoTime(endedAt)}`;
};

const isoTime = (at: number): string => new Date(at).toISOString();
