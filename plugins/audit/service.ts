// The service of audit, for other plugins. A plugin commits its changes of state together with the events about them, keeps
// arguments without secrets, and derives its own secrets from the key file. approval also reads what the trail proves.

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
  /** The body of the event, which can be erased. It must not contain secrets: see `storable`. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Returns more of the event's `detail`. It gets the store's clock when the event is written. */
  readonly timed?: (now: number) => Readonly<Record<string, unknown>>;
}

/** The additions of a plugin to the start and the end of a call. */
export interface CallStart {
  /** The approval that the call uses. `call.started` and `call.ended` name it, and every sink gets a line about the use. */
  readonly approvalId?: string;
  /** The keyed digests of the call in that line. */
  readonly tags?: LikeTags;
  /**
   * Returns changes of state for the transaction that records the end of the call. The outcome is `refused` when the handler did
   * not run in the end. The statements must not have `expects`, because the end is recorded for any number of changed rows.
   */
  readonly changesAtEnd?: (outcome: EndedAs) => readonly Statement[];
  /** A check in the transaction that records the start: see `commit`. */
  readonly check?: Check;
}

/** A call whose end can no longer be recorded, because the process that ran it has died. */
export interface LostCall {
  readonly callId: string;
  readonly approvalId: string;
}

/** The verified event by which an approval request was filed. */
export interface ProvenFiling {
  /** The format of the event. Format 1 does not contain enough to prove a request. */
  readonly format: 1 | 2;
  /** The fields that later events of the request copy. */
  readonly filed: FiledFields;
  readonly requester: EventFields["principal"];
}

/** The result of a commit: the number of its first event, or why nothing was written. */
export type Committed = { readonly seq: number } | { readonly refused: Error };

/** What the events of the trail prove about approval requests. Rows of approval's tables do not count as proof. */
export interface ApprovalEvidence {
  /**
   * Returns the state of a request by its events.
   *
   * @returns `undefined` when the trail does not prove that the request was filed.
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  standingOf(approvalId: string): Promise<Standing | undefined>;
  /**
   * Looks for the event by which a request was filed, however old it is.
   *
   * @param callId  The call that filed the request, by its row.
   * @returns `undefined` when the trail has no such event, or the event does not verify.
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  filingOf(approvalId: string, callId: string): Promise<ProvenFiling | undefined>;
  /**
   * Returns the newest uses of approvals, as far back as this process reads them: see proven-uses.ts.
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
   * Returns the ids of the requests whose personal data were erased. The mark in a request's row does not count.
   *
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  erasedRequests(): Promise<ReadonlySet<string>>;
}

export interface Audit {
  /** The configured sinks. Files are compared with the store at boot; `stdout` cannot be read back. */
  readonly sinks: { readonly files: readonly string[]; readonly hasStdout: boolean };
  /**
   * Commits changes of state and the events about them in one transaction.
   *
   * @param changes  Each with the number of rows that it must change.
   * @param onLate  Called when the commit came after the wait for it had ended with an error: the events are written all the same.
   * @param check  Runs in the same transaction before the changes, and gets what the trail proves at that moment.
   * @returns `refused` when the check or a constraint refused, or a count differed. Then nothing was written.
   * @throws {QuaterError} `audit_unavailable` when the commit took too long.
   */
  commit(events: readonly AuditEvent[], changes: readonly Statement[], onLate?: () => void, check?: Check): Promise<Committed>;
  /**
   * Commits as `commit` does, and adds the call's own `call.started` behind the events. Call it from `consume` of an `approve`
   * hook, directly before the handler: audit does not write `call.started` of a handler that needs approval by itself. If the
   * commit comes too late, audit records that the call did not run.
   *
   * @throws {QuaterError} `audit_unavailable` when the commit took too long, or a sink did not take the use of the approval.
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
  /** Adds rows of another plugin to what `quater audit erase` erases, in the same transaction. */
  whenErasing(eraser: Eraser): void;
  /** Adds rows of another plugin to what `quater store restored` voids, in the same transaction. */
  whenRestored(restorer: Restorer): void;
  /**
   * Looks for calls of processes that have died. Servers do so periodically. Call it in a process that runs one call and finds a
   * request whose call seems to be lost.
   *
   * @returns How many calls were found, and recorded as `unknown`.
   */
  sweepLost(): Promise<number>;
  /** Records a refusal outside of a call later, without waiting. Repeated refusals become one event with a count. */
  refused(fields: Omit<EventFields, "type" | "outcome">): void;
  /** Returns the keyed digest of a value, `hmac:<key id>:<64 hex>` over its RFC 8785 text. */
  tagOf(value: unknown): string;
  /**
   * Tags the value with every tag key in the key file, so that values tagged before a rotation are still found.
   *
   * @returns The tag of the current key first (what `tagOf` gives), then those of the other keys, newest first.
   */
  tagsOf(value: unknown): readonly string[];
  /** Returns a copy without secrets, as the trail stores arguments. */
  storable(schema: unknown, value: unknown): unknown;
  /**
   * Derives 32 bytes from the current key in the project's key file, different bytes for every label. A rotation of the keys
   * changes them, so derive them each time instead of keeping them.
   */
  deriveSecret(label: string): Buffer;
  /**
   * Derives the same label from every key in the key file. Use it to decrypt texts from before a rotation, or from an instance
   * that already uses newer keys.
   *
   * @returns What `deriveSecret` gives first, then the secrets of the other keys, newest first.
   */
  deriveSecrets(label: string): readonly Buffer[];
}

export const auditRef = serviceRef<Audit>("audit");
