// The content of an event. `meta` holds who called what, when, and how it ended. It is part of the chain and cannot be erased. The body
// holds arguments and results, and can be erased. Both are RFC 8785 text.

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
  /** The request was ended by Quater itself: its evidence is missing, the trail changed its format, or the store was restored. */
  | "approval.voided"
  /** Uses of approvals that a sink attests and a restore lost. Several in one event. */
  | "approval.lost"
  | "store.restored"
  | "credential.failed"
  | "audit.checkpoint"
  | "audit.gap"
  | "audit.erased"
  | "audit.exported";

/**
 * How a call ended. `replayed`: it was answered with an earlier result, and nothing ran. `unknown`: it may have run.
 */
export type EndedAs = "succeeded" | "failed" | "refused" | "replayed" | "cancelled" | "unknown";

/** Who called. The trail does not keep scopes, roles and claims. */
export interface Who {
  readonly actsFor?: string;
  readonly credential: string;
  readonly issuer: string;
  readonly kind: Principal["kind"];
  readonly person?: string;
  readonly subject: string;
}

/** The fields are in the order of RFC 8785, because `metaText` relies on it. */
export interface EventFields {
  readonly approvalId?: string;
  /** `hmac:<key id>:<64 hex>` over the RFC 8785 text of the arguments. Equal arguments have equal tags. */
  readonly argsTag?: string;
  readonly callId?: string;
  /** How many equal events this one stands for. They happened between `first` and `last`. */
  readonly count?: number;
  /** Data of one type of event: a checkpoint, what was erased, what started. */
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
  /** The policy or plugin that refused the call. The caller is not told. */
  readonly policy?: string;
  readonly principal?: Who;
  readonly resultTag?: string;
  /** SHA-256 of the input schema, so that a reader knows what the arguments meant. */
  readonly schema?: string;
  readonly surface?: string;
  readonly traceId?: string;
  readonly type: EventType;
}

/** Names an event by its number and hash. */
export interface EventLink {
  readonly hash: string;
  readonly seq: number;
}

/**
 * Linked events name the linked event before them, so that they can be read and verified without the events in between.
 * The head of the trail names the newest one.
 */
export const isLinked = (type: string): boolean => type.startsWith("approval.") || type === "store.restored";

export interface Numbered {
  /** Milliseconds since the epoch, by the store's clock. */
  readonly at: number;
  readonly instance: string;
  /** Id of the chain key. */
  readonly key: string;
  /** Of a linked event, from format 2 on. */
  readonly link?: EventLink;
  readonly seq: number;
}

export interface EventMeta extends EventFields, Numbered {
  /** The format of the event. */
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
  "resultTag",
  "schema",
  "seq",
  "surface",
  "traceId",
  "type",
] as const satisfies readonly (keyof EventMeta)[];

/** UTF-16 units. Text that callers choose is cut, so that refused calls cannot fill the disk. */
const mostText = 256;
/** Characters of JSON. Of a larger detail only its length and digest are kept. */
const mostDetail = 16 * 1024;

const limited = (text: string): string => {
  if (text.length <= mostText) return text;
  // The digest keeps two long names apart that begin alike.
  const digest = digestOfText(text).slice(0, "sha256:".length + 16);
  return `${cut(text, mostText - digest.length)}${digest}`;
};

const keyed = names.map((name) => [name, `,${JSON.stringify(name)}:`] as const);
const whoTexts = new WeakMap<Who, string>();

/** Returns the RFC 8785 text of an event. The keys are sorted above, so one pass over them is enough. */
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
 * Returns RFC 8785 text. A value with half of a surrogate pair has no such text; then the text of JSON.stringify is returned, because
 * an event that is not canonical is better than no event.
 */
export const jsonText = (value: unknown): string => {
  try {
    return canonicalText(value);
  } catch {
    return JSON.stringify(value) ?? "null";
  }
};

/** Returns the value as JSON holds it. Members that are `undefined` are left out. */
export const plainJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

const known = new WeakMap<Principal, Who>();

/** Returns who called. The result is kept for each principal, because one principal makes many calls. */
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

/** An event has at most this many bytes of body. */
const bodyBytes = 24 * 1024;

/**
 * Returns the RFC 8785 text of a body. Of a body that is too large, only its size and its tag are kept.
 *
 * @param tag  Makes a keyed tag of a text, so that bodies that were left out can still be compared.
 */
export const bodyText = (content: Readonly<Record<string, unknown>>, tag: (text: string) => string): string => {
  const text = jsonText(content);
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
