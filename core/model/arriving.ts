// The data that a surface passes to the gate when a caller's request arrives, before Quater knows the caller.

import type { Presented } from "./credentials.ts";

/** A request whose caller Quater does not know yet: its credentials and its surface. */
export interface Arriving {
  readonly surface: string;
  readonly credentials: Presented;
  readonly callId: string;
  readonly handler?: string;
  /** Whether the caller's terminal is on another computer, and this process received the call over a network. */
  readonly isRemote?: boolean | undefined;
  /** The trace id that the caller sent, 32 hexadecimal digits. */
  readonly traceId?: string | undefined;
}

/** The memory that the unread answers to one caller may use. */
export interface AnswerRoom {
  /**
   * Reserves this many bytes of memory for the call's answer, in addition to what the call reserved before.
   *
   * @returns false when the limit is reached. The answer is then dropped, and the call ends with an error.
   */
  reserve(bytes: number): boolean;
}
