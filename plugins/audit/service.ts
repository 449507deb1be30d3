// The service of audit, for other plugins. Through this service, a plugin commits changes of its rows together with the events
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
  /** The body of the event, which an operator can erase. The body must not contain secrets: see `storable`. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Returns further fields of the event's `detail`. `now` is the time of the store's clock when audit writes the event. */
  readonly timed?: (now: number) => Readonly<Record<string, unknown>>;
}

/** The data and the changes that a plugin adds to the start and the end of a call. */
export interface CallStart {
  /**
   * The id of the approval request whose approval the call uses. The events `call.started` and `call.ended` contain the id of the
   * approval request, and every sink gets a line about the use.
   */
  readonly approvalId?: string;
  /** The keyed digests of the call in the sink line about the use. */
  readonly tags?: LikeTags;
  /**
   * Returns SQL statements for the transaction that records the end of the call. The outcome is `refused` when the handler did
   * not run although audit has written `call.started`. The returned statements must not have `expects`, because audit records the
   * end of the call for any number of changed rows.
   */
  readonly changesAtEnd?: (outcome: EndedAs) => readonly Statement[];
  /** A check that audit runs in the transaction that records the start of the call: see `check` of `commit`. */
  readonly check?: Check;
}

/** A call whose end no process can record, because the process that ran the call has died. */
export interface LostCall {
  readonly callId: string;
  readonly approvalId: string;
}

/** Data of the verified filing event of an approval request. */
export interface ProvenFiling {
  /** The format of the filing event. A filing event of format 1 does not contain enough fields to prove an approval request. */
  readonly format: 1 | 2;
  /** The fields of the filing event that later events of the approval request copy. */
  readonly filed: FiledFields;
  readonly requester: EventFields["principal"];
}

/** The result of a commit: the number of the first committed event, or the error because of which audit wrote no event. */
export type Committed = { readonly seq: number } | { readonly refused: Error };

/** The evidence about approval requests on the trail. Rows in the tables of the plugin approval are not evidence. */
export interface ApprovalEvidence {
  /**
   * Computes the state of an approval request from the events of the request.
   *
   * @returns The state of the request; `undefined` when the trail does not prove that the request was filed.
   * @throws {QuaterError} `audit_unavailable` when audit cannot read the trail.
   */
  standingOf(approvalId: string): Promise<Standing | undefined>;
  /**
   * Looks for the filing event of an approval request, regardless of the age of the event.
   *
   * @param callId  The id of the call that filed the request, from the row of the approval request.
   * @returns `undefined` when the trail has no such filing event, or the filing event does not verify.
   * @throws {QuaterError} `audit_unavailable` when audit cannot read the trail.
   */
  filingOf(approvalId: string, callId: string): Promise<ProvenFiling | undefined>;
  /**
   * Returns the newest uses of approvals. proven-uses.ts limits the number of these uses.
   *
   * @throws {QuaterError} `audit_unavailable` when audit cannot read the trail.
   */
  knownUses(): Promise<KnownUses>;
  /**
   * Looks up the events of one call that used an approval.
   *
   * @returns `undefined` when the trail does not prove that the call used the approval.
   * @throws {QuaterError} `audit_unavailable` when audit cannot read the trail.
   */
  proofOfUse(approvalId: string, callId: string): Promise<UseProof | undefined>;
  /**
   * Returns the ids of the approval requests whose personal data were erased. This function reads the events, and not the mark in
   * the row of a request.
   *
   * @throws {QuaterError} `audit_unavailable` when audit cannot read the trail.
   */
  erasedRequests(): Promise<ReadonlySet<string>>;
}

export interface Audit {
  /** The configured sinks. At boot, audit compares the store with the sink files. Quater cannot read back the sink `stdout`. */
  readonly sinks: { readonly files: readonly string[]; readonly hasStdout: boolean };
  /**
   * Commits changes of state and the events about the changes in one transaction.
   *
   * @param changes  The SQL statements, each with the number of rows that the statement must change.
   * @param onLate  Audit calls this function when the commit has succeeded after the wait for the commit had ended with an error.
   * When audit calls `onLate`, the events are written.
   * @param check  Audit runs this check before the changes, in the transaction of the commit. The check gets the evidence on the
   * trail at the time of the transaction.
   * @returns `refused` when the check or a constraint refused the commit, or a statement changed another number of rows than
   * expected. After `refused`, audit has written no event and no change.
   * @throws {QuaterError} `audit_unavailable` when the commit took too long.
   */
  commit(events: readonly AuditEvent[], changes: readonly Statement[], onLate?: () => void, check?: Check): Promise<Committed>;
  /**
   * Commits like `commit`, and adds the `call.started` of the call after the events. Call this function in `consume` of an
   * `approve` hook, directly before the handler runs, because audit does not write `call.started` for a handler that needs
   * approval. If this commit succeeds too late, audit records that the call did not run.
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
  /**
   * Registers a function that returns SQL statements for the transaction that records `call.unknown` of a lost call with an
   * approval.
   */
  whenCallLost(changes: (open: OpenStore, call: LostCall) => readonly Statement[]): void;
  /** Registers a function that adds changes of another plugin's rows to the transaction of `quater audit erase`. */
  whenErasing(eraser: Eraser): void;
  /** Registers a function that adds changes of another plugin's rows to the transaction of `quater store restored`. */
  whenRestored(restorer: Restorer): void;
  /**
   * Looks for calls of processes that have died. Servers call this function periodically. A process that runs only one call can
   * call this function when the process finds a request whose call seems to be lost.
   *
   * @returns How many calls this process recorded as `unknown`.
   */
  sweepLost(): Promise<number>;
  /**
   * Queues an event about a refusal outside of a call, and does not wait for the commit of the event. Audit writes one event with
   * a count for repeated refusals.
   */
  refused(fields: Omit<EventFields, "type" | "outcome">): void;
  /** Returns the keyed digest of a value, `hmac:<key id>:<64 hex>` over the RFC 8785 text of the value. */
  tagOf(value: unknown): string;
  /**
   * Tags the value with every tag key in the key file, so that the plugin still finds values that were tagged before a rotation
   * of the keys.
   *
   * @returns The tag with the current key, which `tagOf` returns, and then the tags with the other keys, newest key first.
   */
  tagsOf(value: unknown): readonly string[];
  /** Returns a copy of the value without secrets, in the form in which the trail stores arguments. */
  storable(schema: unknown, value: unknown): unknown;
  /**
   * Derives 32 bytes from the current key in the project's key file. Every label gives different bytes. A rotation of the keys
   * changes the derived bytes, so do not store the bytes, and derive the bytes each time.
   */
  deriveSecret(label: string): Buffer;
  /**
   * Derives the secret of a label from every key in the key file. Use these secrets to decrypt texts that were encrypted before a
   * rotation of the keys, or by an instance that already uses newer keys.
   *
   * @returns The secret that `deriveSecret` returns, and then the secrets that are derived from the other keys, newest key first.
   */
  deriveSecrets(label: string): readonly Buffer[];
}

export const auditRef = serviceRef<Audit>("audit");
