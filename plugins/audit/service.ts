// The service of audit, for other plugins. Through this service, a plugin commits its changes of state together with the events
// about the changes, removes secrets from arguments, and derives its own secrets from the key file. The plugin approval also
// reads the evidence about approval requests.

import { serviceRef } from "../../core/plugin-api.ts";
import type { OpenStore, Statement } from "../store/service.ts";
import type { Eraser } from "./erasing/subject.ts";
import type { EndedAs, EventFields } from "./log/event.ts";
import type { Check, FiledFields, Standing } from "./log/evidence.ts";
import type { LikeTags } from "./log/like-tags.ts";
import type { KnownUses, UseProof } from "./log/proven-uses.ts";
import type { Restorer } from "./restore/restored.ts";

export { argumentsWithoutPersonal } from "./erasing/parts.ts";
export type { Eraser, Erasure, ErasureSubject } from "./erasing/subject.ts";
export type { EndedAs, EventFields, EventType } from "./log/event.ts";
export type { Check, Evidence, FiledFields, ProvenVote, Standing } from "./log/evidence.ts";
export { unchangedSince } from "./log/evidence.ts";
export { auditKey } from "./log/level.ts";
export type { LikeTags } from "./log/like-tags.ts";
export type { KnownUses, ProvenUse, UseProof } from "./log/proven-uses.ts";
export { foldedName, isSameName } from "./log/same-name.ts";
export { type ApproverRule, type Candidate, fits, isSatisfied } from "./log/votes.ts";
export type { LostUse, Restorer, Voiding } from "./restore/restored.ts";

export interface AuditEvent {
  readonly fields: EventFields;
  /** The body of the event, which can be erased. The body must not contain secrets: see `storable`. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Returns more of the event's `detail`. `now` is the time of the store's clock when the event is written. */
  readonly timed?: (now: number) => Readonly<Record<string, unknown>>;
}

/** The additions of a plugin to the start and the end of a call. */
export interface CallStart {
  /**
   * The approval that the call uses. `call.started` and `call.ended` contain its id, and every sink gets a line about the use.
   */
  readonly approvalId?: string;
  /** The keyed digests of the call in the sink line about the use. */
  readonly tags?: LikeTags;
  /**
   * Returns changes of state for the transaction that records the end of the call. The outcome is `refused` when the handler did
   * not run although `call.started` was written. The statements must not have `expects`, because the end is recorded for any
   * number of changed rows.
   */
  readonly changesAtEnd?: (outcome: EndedAs) => readonly Statement[];
  /** A check in the transaction that records the start of the call: see `check` of `commit`. */
  readonly check?: Check;
}

/** A call whose end can no longer be recorded, because the process that ran it has died. */
export interface LostCall {
  readonly callId: string;
  readonly approvalId: string;
}

/** Data of the verified event by which an approval request was filed. */
export interface ProvenFiling {
  /** The format of the event. An event of format 1 does not contain enough fields to prove a request. */
  readonly format: 1 | 2;
  /** The fields that later events of the request copy. */
  readonly filed: FiledFields;
  readonly requester: EventFields["principal"];
}

/** The result of a commit: the number of its first event, or the reason why nothing was written. */
export type Committed = { readonly seq: number } | { readonly refused: Error };

/** The evidence about approval requests on the trail. Rows of approval's tables are not evidence. */
export interface ApprovalEvidence {
  /**
   * Computes the state of a request from its events.
   *
   * @returns `undefined` when the trail does not prove that the request was filed.
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  standingOf(approvalId: string): Promise<Standing | undefined>;
  /**
   * Looks for the event by which a request was filed, regardless of the age of the event.
   *
   * @param callId  The id of the call that filed the request, from the row of the request.
   * @returns `undefined` when the trail has no such event, or the event does not verify.
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  filingOf(approvalId: string, callId: string): Promise<ProvenFiling | undefined>;
  /**
   * Returns the newest uses of approvals. The number of uses is limited: see proven-uses.ts.
   *
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  knownUses(): Promise<KnownUses>;
  /**
   * Looks up the events of one call.
   *
   * @returns `undefined` when the trail does not prove that the call used this approval.
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  proofOfUse(approvalId: string, callId: string): Promise<UseProof | undefined>;
  /**
   * Returns the ids of the requests whose personal data were erased. This function does not read the mark in the row of a
   * request.
   *
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  erasedRequests(): Promise<ReadonlySet<string>>;
}

export interface Audit {
  /** The configured sinks. At boot, the store is compared with the sink files. `stdout` cannot be read back. */
  readonly sinks: { readonly files: readonly string[]; readonly hasStdout: boolean };
  /**
   * Commits changes of state and the events about the changes in one transaction.
   *
   * @param changes  The statements, each with the number of rows that the statement must change.
   * @param onLate  Called when the commit succeeded after the wait for the commit had ended with an error. The events are
   * written when `onLate` is called.
   * @param check  Runs before the changes in the same transaction, and gets the evidence on the trail at that moment.
   * @returns `refused` when the check or a constraint refused, or a statement changed another number of rows. After `refused`,
   * nothing was written.
   * @throws {QuaterError} `audit_unavailable` when the commit took too long.
   */
  commit(events: readonly AuditEvent[], changes: readonly Statement[], onLate?: () => void, check?: Check): Promise<Committed>;
  /**
   * Commits like `commit`, and adds `call.started` of the call after the events. Call this function in `consume` of an `approve`
   * hook, directly before the handler runs, because audit does not write `call.started` for a handler that needs approval. If the
   * commit succeeds too late, audit records that the call did not run.
   *
   * @throws {QuaterError} `audit_unavailable` when the commit took too long, or a sink did not accept the line about the use.
   */
  commitStart(
    callId: string,
    events: readonly AuditEvent[],
    changes: readonly Statement[],
    start?: CallStart,
  ): Promise<Committed>;
  readonly evidence: ApprovalEvidence;
  /** Adds changes of state to the transaction that records `call.unknown`, for lost calls that used an approval. */
  whenCallLost(changes: (open: OpenStore, call: LostCall) => readonly Statement[]): void;
  /** Adds changes of another plugin's rows to the transaction of `quater audit erase`. */
  whenErasing(eraser: Eraser): void;
  /** Adds changes of another plugin's rows to the transaction of `quater store restored`. */
  whenRestored(restorer: Restorer): void;
  /**
   * Looks for calls of processes that have died. Servers do this periodically. A process that runs only one call can call this
   * function when it finds a request whose call seems to be lost.
   *
   * @returns How many calls were recorded as `unknown`.
   */
  sweepLost(): Promise<number>;
  /**
   * Queues an event about a refusal outside of a call, and does not wait for the commit. Repeated refusals become one event with
   * a count.
   */
  refused(fields: Omit<EventFields, "type" | "outcome">): void;
  /** Returns the keyed digest of a value, `hmac:<key id>:<64 hex>` over its RFC 8785 text. */
  tagOf(value: unknown): string;
  /**
   * Tags the value with every tag key in the key file, so that values tagged before a rotation are still found.
   *
   * @returns The tag of the current key, which `tagOf` returns, and then the tags of the other keys, newest first.
   */
  tagsOf(value: unknown): readonly string[];
  /** Returns a copy of the value without secrets, in the form in which the trail stores arguments. */
  storable(schema: unknown, value: unknown): unknown;
  /**
   * Derives 32 bytes from the current key in the project's key file. Every label gives different bytes. A rotation of the keys
   * changes the bytes, so derive the bytes each time instead of storing them.
   */
  deriveSecret(label: string): Buffer;
  /**
   * Derives the secret of a label from every key in the key file. Use these secrets to decrypt texts from before a rotation, or
   * from an instance that already uses newer keys.
   *
   * @returns The secret that `deriveSecret` returns, and then the secrets of the other keys, newest first.
   */
  deriveSecrets(label: string): readonly Buffer[];
}

export const auditRef = serviceRef<Audit>("audit");
