// What an event says. `meta` is who, what, when and how it ended: chained and never erasable. The body is arguments and
// results: erasable. Both are RFC 8785 text.

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

/** UTF-16 units. Text that a caller can choose is cut, so that nobody fills the disk with refused calls. */
const mostText = 256;
/** Characters of JSON. Larger details leave their length and digest. */
const mostDetail = 16 * 1024;

const limited = (text: string): string => {
  if (text.length <= mostText) return text;
  // Two long names that begin alike must not become one.
  const digest = digestOfText(text).slice(0, "sha256:".length + 16);
  return `${cut(text, mostText - digest.length)}${digest}`;
};

const keyed = names.map((name) => [name, `,${JSON.stringify(name)}:`] as const);
const whoTexts = new WeakMap<Who, string>();

/** RFC 8785 text. Its keys are known and sorted here, so that it is put together in one pass. */
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
 * RFC 8785 text; of what has none (half of a surrogate pair in what a handler returned) the text that JSON.stringify
 * writes: an event that cannot be written would cost more than one that is not canonical.
 */
export const jsonText = (value: unknown): string => {
  try {
    return canonicalText(value);
  } catch {
    return JSON.stringify(value) ?? "null";
  }
};

/** As JSON has it: members that are `undefined` are none. */
export const plainJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

const known = new WeakMap<Principal, Who>();

/** Principals are few and calls are many. */
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
 * RFC 8785 text of a body, or what is left to say of one that is too large.
 *
 * @param tag  A keyed tag of a text, so that a cut body can still be compared.
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
