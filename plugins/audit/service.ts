// What audit offers approval: events in the same transaction as the change of state that they tell of.

import { serviceRef } from "../../core/index.ts";
import type { Statement } from "../store/service.ts";
import type { EventFields } from "./event.ts";

export type { EventFields, EventType } from "./event.ts";

export interface AuditEvent {
  readonly fields: EventFields;
  /** Stored erasably. Secrets must be out of it already: see `storable`. */
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface Audit {
  /**
   * Commits changes of state and the events that tell of them: all or nothing.
   *
   * @param changes  Each with the number of rows it must change.
   * @returns `refused` when a count differed or a constraint said no: nothing of it was written.
   * @throws {QuaterError} `audit_unavailable` when it was not committed in time. It is withdrawn then; where that was too
   *   late, `onLate` is told that it stands.
   */
  commit(
    events: readonly AuditEvent[],
    changes: readonly Statement[],
    onLate?: () => void,
  ): Promise<{ readonly seq: number } | { readonly refused: Error }>;
  /**
   * As `commit`, with the call's own `call.started` behind the events: for whoever uses an approval up, as the last act
   * before the handler. A call whose exposure asks for approval is started by nothing else.
   */
  begin(
    callId: string,
    events: readonly AuditEvent[],
    changes: readonly Statement[],
    onLate?: () => void,
  ): Promise<{ readonly seq: number } | { readonly refused: Error }>;
  /** `hmac:<key id>:<64 hex>` over the RFC 8785 text. */
  tagOf(value: unknown): string;
  /** A copy without secrets, as the trail stores arguments. */
  storable(schema: unknown, value: unknown): unknown;
}

export const auditRef = serviceRef<Audit>("audit");
