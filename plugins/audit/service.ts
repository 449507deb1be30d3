// What audit offers approval: events in the same transaction as the change of state that they tell of.

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
  /** Stored erasably. Secrets must be out of it already: see `storable`. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** More of the event's `detail`, given the store's clock when the event is written. */
  readonly timed?: (now: number) => Readonly<Record<string, unknown>>;
}

/** What the trail is told of a call that uses an approval up. */
export interface Begun {
  /** Stands on the call's `call.started` and `call.ended`. */
  readonly approvalId?: string;
  /** Of the call, for the line in the sinks. */
  readonly tags?: LikeTags;
  /**
   * Changes of state in the same transaction as the event that tells of the call's end; `refused`: it never ran after all.
   * Without counts of rows: the end is recorded for any number of changed rows.
   */
  readonly ended?: (how: EndedAs) => readonly Statement[];
  /** Asked in the same transaction as the call's start: see `commit`. */
  readonly check?: Check;
}

/** A call whose end nobody will record, because the process that ran it is gone. */
export interface LostCall {
  readonly callId: string;
  readonly approvalId: string;
}

/** The event of a request's filing, verified. */
export interface ProvenFiling {
  /** Of the trail. Format 1 holds no evidence for a decision. */
  readonly format: 1 | 2;
  /** What later events repeat. */
  readonly filed: FiledFields;
  readonly requester: EventFields["principal"];
}

export interface Audit {
  /** Configured sinks: files are compared with the store at boot; `stdout` cannot be read back. */
  readonly sinks: { readonly files: readonly string[]; readonly hasStdout: boolean };
  /**
   * Commits changes of state and the events that tell of them: all or nothing.
   *
   * @param changes  Each with the number of rows it must change.
   * @param check  Asked in the same transaction before the changes, with what the trail proves then.
   * @returns `refused` when the check or a constraint said no, or a count differed: nothing of it was written.
   * @throws {QuaterError} `audit_unavailable` when it was not committed in time. It is withdrawn then; where that was too
   *   late, `onLate` is told that it stands.
   */
  commit(
    events: readonly AuditEvent[],
    changes: readonly Statement[],
    onLate?: () => void,
    check?: Check,
  ): Promise<{ readonly seq: number } | { readonly refused: Error }>;
  /**
   * As `commit`, with the call's own `call.started` behind the events: for a plugin that uses an approval, directly
   * before the handler. A call whose exposure asks for approval is started by nothing else. Where it was committed too
   * late, the trail says by itself that the call never ran.
   */
  begin(
    callId: string,
    events: readonly AuditEvent[],
    changes: readonly Statement[],
    about?: Begun,
  ): Promise<{ readonly seq: number } | { readonly refused: Error }>;
  /**
   * Where a request for approval stands by its chained events alone. The rows of the tables do not count.
   *
   * @returns `undefined` where the trail does not prove that it was filed.
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  standingOf(approvalId: string): Promise<Standing | undefined>;
  /**
   * Looks for the filing of a request, however long ago it was.
   *
   * @param callId  The call that filed it, as the row says.
   * @returns `undefined` when the trail has no such event, or none that verifies.
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  filingOf(approvalId: string, callId: string): Promise<ProvenFiling | undefined>;
  /**
   * The newest uses of approvals by their events, as far back as this process reads them: see proven-uses.ts.
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
   * Returns the ids of the requests whose personal data were erased, by their events. The mark in a row does not count.
   *
   * @throws {QuaterError} `audit_unavailable` when the trail cannot be read.
   */
  erasedRequests(): Promise<ReadonlySet<string>>;
  /** Asked for changes of state in the same transaction as `call.unknown`, for calls that were begun with an approval. */
  whenLost(changes: (open: OpenStore, call: LostCall) => readonly Statement[]): void;
  /** Adds what `quater audit erase` erases in rows of another plugin, in the same transaction. */
  whenErasing(eraser: Eraser): void;
  /** Adds what `quater store restored` voids in rows of another plugin, in the same transaction. */
  whenRestored(restorer: Restorer): void;
  /**
   * Looks for calls of processes that are gone, as every process that stays does from time to time: for one that does not
   * stay and meets what looks like such a call.
   *
   * @returns How many were found, and recorded as `unknown`.
   */
  sweepLost(): Promise<number>;
  /**
   * Records a refusal outside of a call, soon and without waiting. Repeated refusals become one event with a count.
   */
  refused(fields: Omit<EventFields, "type" | "outcome">): void;
  /** `hmac:<key id>:<64 hex>` over the RFC 8785 text. */
  tagOf(value: unknown): string;
  /**
   * Tags the value with every tag key in the key file, so that values tagged before a rotation are still found.
   *
   * @returns The tag of the current key first (what `tagOf` gives), then those of the other keys, newest first.
   */
  tagsOf(value: unknown): readonly string[];
  /** A copy without secrets, as the trail stores arguments. */
  storable(schema: unknown, value: unknown): unknown;
  /**
   * Derives 32 bytes from the current key in the project's key file, different ones for every label. One `keys` option
   * serves all plugins. A rotation changes them: ask each time and do not keep the answer.
   */
  secretFor(label: string): Buffer;
  /**
   * Derives the same label from every key in the key file. Use it to open what was sealed before a rotation, or by an
   * instance that uses newer keys already.
   *
   * @returns What `secretFor` gives first, then the secrets of the other keys, newest first.
   */
  secretsFor(label: string): readonly Buffer[];
}

export const auditRef = serviceRef<Audit>("audit");
