// The gate as surfaces see it: it accepts credentials, and runs calls.

import type { AnswerRoom, Arriving } from "../model/arriving.ts";
import type { Call, Cancellation, Outcome } from "../model/call.ts";
import type { GivenInput } from "../model/given-input.ts";
import type { Awaitable, Principal } from "../model/principal.ts";
import type { Replying } from "../model/reply.ts";
import type { FileField, UploadedFile } from "../schema/file.ts";

/**
 * Returns whether the value has the form of an approval's id. A surface refuses a malformed id: without the id the call
 * would continue as a call that names no approval.
 */
export const isApprovalId = (value: unknown): value is string => typeof value === "string" && /^[\w-]{1,100}$/.test(value);

/** Takes the files of one call. They are removed when the call has ended. */
export interface Uploading {
  /** The input that takes a file, or `undefined` where the handler has no file of this name. */
  field(name: string): FileField | undefined;
  /**
   * Writes the content to disk, and checks its length and its media type.
   *
   * @throws {QuaterError} `too_large`, `unavailable`, or `invalid_input` for another media type.
   */
  take(field: FileField, announced: Announced, content: AsyncIterable<Uint8Array>): Promise<UploadedFile>;
}

/** What a surface knows of a file before its content: as the caller named it, and of which type the caller says it is. */
export interface Announced {
  readonly name: string | undefined;
  readonly mediaType: string | undefined;
}

export interface Invocation {
  readonly handler: string;
  readonly surface: string;
  /** What `enter` returned. Never take it from a body or from another claim of the caller. */
  readonly principal: Principal;
  /** Read only after the static part of the policy has allowed the call. */
  readonly given: readonly GivenInput[] | ((uploads?: Uploading) => Awaitable<readonly GivenInput[]>);
  readonly callId?: string;
  readonly cancellation?: Cancellation;
  readonly progress?: Call["progress"] | undefined;
  readonly dryRun?: boolean;
  readonly peer?: string | undefined;
  /**
   * The entry of the caller, as passed to `enter`. If it is given and time has passed, the gate checks the credential again: after
   * the input was read, and before the handler starts.
   */
  readonly entry?: Arriving;
  /** The result of `traceIdOf`, for the record of the call. */
  readonly traceId?: string | undefined;
  /** An approval that the caller names, checked by `isApprovalId`. */
  readonly approvalId?: string | undefined;
  /** Takes what the handler says of its answer beside the value. Without it, that is ignored. */
  readonly replying?: Replying | undefined;
  /** For large answers. */
  readonly room?: AnswerRoom | undefined;
}

/** The kernel as a surface sees it. */
export interface Gate {
  /** Returns the principal. Rejects with `unauthenticated`, `invalid_token` and the like, after the `settled` hooks have run. */
  enter(entry: Arriving): Awaitable<Principal>;
  /**
   * Checks a credential again, for surfaces that read input after `enter`. A key may be revoked while a body is on its way.
   *
   * @param since  When the caller came in, by `performance.now()`. A check that is less than a quarter of a second old still counts.
   * @returns The same person with the rights of now. Rejects as `enter` does.
   */
  enterAgain(entry: Arriving, principal: Principal, since: number): Awaitable<Principal>;
  /** The only caller of handlers. Never throws: refusals and failures are outcomes. */
  invoke(invocation: Invocation): Promise<Outcome>;
  /**
   * The same without a promise.
   *
   * @param answer  Called once, before `call` returns where nothing had to be waited for. Must not throw.
   */
  call(invocation: Invocation, answer: (outcome: Outcome) => void): void;
  newCallId(): string;
  /** Names of plugins that are not ready, and "kernel" while it boots or stops; empty when ready. */
  unready(): Promise<readonly string[]>;
  /** The process stops: new calls are refused, and calls in flight may end. */
  readonly isStopping: boolean;
}
