// The data that a surface passes to the gate when a call arrives, before Quater knows the caller.

import type { Presented } from "./credentials.ts";

/** A call whose caller Quater does not know yet. `Arriving` contains the credentials of the caller and the surface. */
export interface Arriving {
  readonly surface: string;
  readonly credentials: Presented;
  readonly callId: string;
  readonly handler?: string;
  /** Whether the caller's terminal is on another computer, and this process received the call over a network. */
  readonly isRemote?: boolean | undefined;
  /** The trace id that the caller sent, 32 hexadecimal digits (W3C Trace Context). */
  readonly traceId?: string | undefined;
}

/** The memory that the unread answers to one caller may use. */
export interface AnswerRoom {
  /**
   * Reserves this many bytes of memory for the answer of the call, in addition to the bytes that the call reserved before.
   *
   * @returns false when the memory limit of the caller is reached. If `reserve` returns false, Quater drops the answer, and the
   * call ends with an error.
   */
  reserve(bytes: number): boolean;
}
