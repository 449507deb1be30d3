// What a surface hands to the gate when a caller arrives.

import type { Presented } from "./credentials.ts";

/** A request at a door: its credentials and its surface. */
export interface Arriving {
  readonly surface: string;
  readonly credentials: Presented;
  readonly callId: string;
  readonly handler?: string;
  /** See `Invocation`. */
  readonly traceId?: string | undefined;
}

/** Memory for the answers to one caller, which has a limit while the caller does not read them. */
export interface AnswerRoom {
  /**
   * Reserves memory for so many bytes of the call's answer, beside what the call reserved before.
   *
   * @returns false when there is no room: the answer is dropped, and the call ends with an error.
   */
  reserve(bytes: number): boolean;
}
