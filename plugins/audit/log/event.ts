// The content of an event. `meta` contains the caller, the handler, the time and the outcome of a call. `meta` is part of the
// chain, and nobody can erase `meta`. The body contains the arguments and the result of the call, and operators can erase the
// body. `meta` and the body are RFC 8785 texts.

import { cut } from "../../../core/diagnostics/text.ts";
import type { Principal } from "../../../core/index.ts";
import { canonicalText, digestOfText } from "../../../core/schema/digest.ts";
import { trailFormat } from "./chain.ts";

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
  /**
   * Quater itself ended the approval request, because events of the request are missing, the trail changed its format, or an
   * operator restored the store.
   */
  | "approval.voided"
  /** A restore lost uses of approvals that a sink attests. One event may contain several lost uses. */
  | "approval.lost"
  | "store.restored"
  | "credential.failed"
  | "audit.checkpoint"
  | "audit.gap"
  | "audit.erased"
  | "audit.exported";

/**
 * How a call ended. `replayed`: the caller got the result of an earlier call, and the handler did not run. `unknown`: the handler
 * may have run.
 */
export type EndedAs = "succeeded" | "failed" | "refused" | "replayed" | "cancelled" | "unknown";

/** The principal of a call in events. The trail does not store the principal's scopes, roles and claims. */
export interface Who {
  readonly actsFor?: string;
  readonly credential: string;
  readonly issuer: string;
  readonly kind: Principal["kind"];
  readonly person?: string;
  readonly subject: string;
}

/** The fields of an event, in the order of RFC 8785, because `metaText` needs this order. */
export interface EventFields {
  readonly approvalId?: string;
  /**
   * A keyed digest of the RFC 8785 text of the call's arguments, `hmac:<key id>:<64 hex>`. Equal arguments have equal digests.
   */
  readonly argsTag?: string;
  readonly callId?: string;
  /** How many refused calls or dropped events this event counts, which happened between `first` and `last`. */
  readonly count?: number;
  /** Data that only events of one type have, such as a checkpoint, or the numbers of erased bodies. */
  readonly detail?: unknown;
  readonly dryRun?: true;
  readonly durationMs?: number;
  readonly errorCode?: string;
  /** When the first of the counted refusals or dropped events happened, milliseconds since the epoch. */
  readonly first?: number;
  readonly handler?: string;
  readonly last?: number;
  readonly outcome?: EndedAs;
  readonly peer?: string;
  /** The name of the policy or plugin that refused the call. The caller does not get this name. */
  readonly policy?: string;
  readonly principal?: Who;
  /** Whether the caller's terminal was on another computer: `quater run --remote`. */
  readonly remote?: true;
  readonly resultTag?: string;
  /** The SHA-256 of the handler's input schema, by which Quater finds the schema of the arguments later. */
  readonly schema?: string;
  readonly surface?: string;
  readonly traceId?: string;
  readonly type: EventType;
}

/** The number and hash of an event, by which another event refers to this event. */
export interface EventLink {
  readonly hash: string;
  readonly seq: number;
}

/**
 * Whether an event of the given type is linked. Each linked event contains the number and hash of the linked event before. So
 * Quater can read and verify linked events without the events in between. The head of the trail contains the number and hash of
 * the newest linked event.
 */
export const isLinked = (type: string): boolean => type.startsWith("approval.") || type === "store.restored";

export interface Numbered {
  /** When Quater wrote the event, milliseconds since the epoch, by the store's clock. */
  readonly at: number;
  readonly instance: string;
  /** The id of the chain key that computed the hash of the event. */
  readonly key: string;
  /** The number and hash of the linked event before this event. Only linked events have this field, from format 2 on. */
  readonly link?: EventLink;
  readonly seq: number;
}

export interface EventMeta extends EventFields, Numbered {
  /** The trail format of the event. */
  readonly v: 1 | 2;
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
  "link",
  "outcome",
  "peer",
  "policy",
  "principal",
  "remote",
  "resultTag",
  "schema",
  "seq",
  "surface",
  "traceId",
  "type",
] as const satisfies readonly (keyof EventMeta)[];

/**
 * The longest text in an event, UTF-16 units. Quater cuts longer texts that callers choose, so that refused calls cannot fill the
 * disk.
 */
const mostText = 256;
/**
 * The longest `detail` of an event, characters of JSON text. If a detail is longer, the event contains only the length and digest
 * of the detail.
 */
const mostDetail = 16 * 1024;

const limited = (text: string): string => {
  if (text.length <= mostText) return text;
  // A digest of the whole text follows the cut text, so that two long texts with the same beginning stay different.
  const digest = digestOfText(text).slice(0, "sha256:".length + 16);
  return `${cut(text, mostText - digest.length)}${digest}`;
};

const keyed = names.map((name) => [name, `,${JSON.stringify(name)}:`] as const);
const whoTexts = new WeakMap<Who, string>();

/** Returns the RFC 8785 text of an event. `EventFields` is sorted, so this function reads the fields only once. */
export const metaText = (fields: EventFields, numbered: Numbered & Pick<EventMeta, "link">): string => {
  let text = "";
  for (const [name, key] of keyed) {
    const value: unknown = (fields as Partial<EventMeta>)[name] ?? (numbered as Partial<EventMeta>)[name];
    if (value === undefined) continue;
    text +=
      key +
      (name === "principal"
        ? whoText(value as Who)
        : name === "detail"
          ? detailText(value)
          : typeof value === "string"
            ? JSON.stringify(limited(value))
            : JSON.stringify(value));
  }
  return `{${text.slice(1)},"v":${trailFormat}}`;
};

const detailText = (detail: unknown): string => {
  const text = jsonText(plainJson(detail));
  return text.length <= mostDetail ? text : jsonText({ cut: { length: text.length, digest: digestOfText(text) } });
};

const mapped = (who: Who): object =>
  Object.fromEntries(Object.entries(who).map(([name, value]) => [name, limited(String(value))]));

const whoText = (who: Who): string => {
  const known = whoTexts.get(who) ?? jsonText(mapped(who));
  whoTexts.set(who, known);
  return known;
};

/**
 * Returns the RFC 8785 text of a value. A value with half of a surrogate pair has no RFC 8785 text. For such a value, returns the
 * text of JSON.stringify, because an event that is not canonical is better than no event.
 */
export const jsonText = (value: unknown): string => {
  try {
    return canonicalText(value);
  } catch {
    return JSON.stringify(value) ?? "null";
  }
};

/** Returns a copy of the value that contains only JSON values, without the fields that are `undefined`. */
export const plainJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

const known = new WeakMap<Principal, Who>();

/**
 * Returns the principal's fields for events. Quater caches these fields for each principal, because one principal makes many
 * calls.
 */
export const whoOf = (principal: Principal): Who => {
  const before = known.get(principal);
  if (before !== undefined) return before;
  const { actsFor, credential, issuer, kind, person, subject } = principal;
  const who: Who = {
    ...(actsFor === undefined ? {} : { actsFor }),
    credential,
    issuer,
    kind,
    ...(person === undefined ? {} : { person }),
    subject,
  };
  known.set(principal, who);
  return who;
};

/** The size of the largest body of an event, bytes. */
const bodyBytes = 24 * 1024;

/**
 * Returns the RFC 8785 text of a body. If a body is too large, the text contains only the size and a keyed digest of the body.
 *
 * @param tag  Makes the keyed digest of a text, by which people can still compare bodies that are too large for the trail.
 */
export const bodyText = (content: Readonly<Record<string, unknown>>, tag: (text: string) => string): string => {
  const text = jsonText(content);
  const bytes = Buffer.byteLength(text);
  return bytes <= bodyBytes ? text : JSON.stringify({ cut: { bytes, tag: tag(text) } });
};

/** One row of the table `audit_event`, as Quater reads and exports the row. */
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
