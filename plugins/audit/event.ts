// What an event says. `meta` is who, what, when and how it ended: chained and never erasable. The body is arguments and
// results: erasable. Both are RFC 8785 text.

import type { Principal } from "../../core/index.ts";

export type EventType =
  | "runtime.started"
  | "runtime.stopped"
  | "call.refused"
  | "call.started"
  | "call.ended"
  | "call.unknown"
  | "approval.filed"
  | "approval.voted"
  | "approval.approved"
  | "approval.denied"
  | "approval.cancelled"
  | "approval.revoked"
  | "approval.expired"
  | "approval.used"
  | "credential.failed"
  | "audit.checkpoint"
  | "audit.gap"
  | "audit.erased"
  | "audit.exported";

/**
 * How a call ended. `replayed`: answered with an earlier result, nothing ran. `unknown`: it may have run, nobody knows.
 */
export type EndedAs = "succeeded" | "failed" | "refused" | "replayed" | "cancelled" | "unknown";

/** Who called, without scopes, roles and claims: what they were is the policy's business, who it was is the trail's. */
export interface Who {
  readonly actsFor?: string;
  readonly credential: string;
  readonly issuer: string;
  readonly kind: Principal["kind"];
  readonly person?: string;
  readonly subject: string;
}

/** In the order in which RFC 8785 has them; `metaText` relies on it. */
export interface EventFields {
  readonly approvalId?: string;
  /** `hmac:<key id>:<64 hex>` over the RFC 8785 text of the arguments: equal for equal arguments. */
  readonly argsTag?: string;
  readonly callId?: string;
  /** What was coalesced into this event: that many of the same, from `first` to `last`. */
  readonly count?: number;
  /** Whatever belongs to one type alone: a checkpoint, what was erased, what started. */
  readonly detail?: unknown;
  readonly dryRun?: true;
  readonly durationMs?: number;
  readonly errorCode?: string;
  /** Milliseconds since the epoch. */
  readonly first?: number;
  readonly handler?: string;
  readonly last?: number;
  readonly outcome?: EndedAs;
  readonly peer?: string;
  readonly principal?: Who;
  readonly resultTag?: string;
  /** SHA-256 of the input schema, so that a reader knows what the arguments meant. */
  readonly schema?: string;
  readonly surface?: string;
  readonly traceId?: string;
  readonly type: EventType;
}

export interface Numbered {
  /** Milliseconds since the epoch, by the store's clock. */
  readonly at: number;
  readonly instance: string;
  /** Id of the chain key. */
  readonly key: string;
  readonly seq: number;
}

export interface EventMeta extends EventFields, Numbered {
  readonly v: 1;
}

const names = [
  "approvalId",
  "argsTag",
  "at",
  "callId",
  "count",
  "detail",
  "dryRun",
  "durationMs",
  "errorCode",
  "first",
  "handler",
  "instance",
  "key",
  "last",
  "outcome",
  "peer",
  "principal",
  "resultTag",
  "schema",
  "seq",
  "surface",
  "traceId",
  "type",
  "v",
] as const satisfies readonly (keyof EventMeta)[];

/** RFC 8785 text. Its keys are known and sorted here, so that the plain, fast JSON.stringify writes it. */
export const metaText = (fields: EventFields, numbered: Numbered): string => {
  const all: Record<string, unknown> = { ...fields, ...numbered, v: 1 };
  const sorted: Record<string, unknown> = {};
  for (const name of names) if (all[name] !== undefined) sorted[name] = all[name];
  return JSON.stringify(sorted);
};

/** The same value with every object's keys in RFC 8785's order, by UTF-16 code units. */
export const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, ordered(item)]),
  );
};

const known = new WeakMap<Principal, Who>();

/** Principals are few and calls are many. */
export const whoOf = (principal: Principal): Who => {
  const before = known.get(principal);
  if (before !== undefined) return before;
  const { actsFor, credential, issuer, kind, person, subject } = principal;
  const who = ordered({ actsFor, credential, issuer, kind, person, subject }) as Who;
  known.set(principal, who);
  return who;
};

/** trust.md section 3: an event has at most this many bytes of body. */
const bodyBytes = 24 * 1024;

/**
 * RFC 8785 text of a body, or what is left to say of one that is too large.
 *
 * @param tag  A keyed tag of a text, so that a cut body can still be compared.
 */
export const bodyText = (content: Readonly<Record<string, unknown>>, tag: (text: string) => string): string => {
  const text = JSON.stringify(ordered(content));
  const bytes = Buffer.byteLength(text);
  return bytes <= bodyBytes ? text : JSON.stringify({ cut: { bytes, tag: tag(text) } });
};

/** One row of the table, as it is read and exported. */
export interface EventRow {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly call_id: string;
  readonly meta: string;
  readonly body: string | null;
  readonly salt: string | null;
  readonly body_hash: string;
  readonly hash: string;
}
