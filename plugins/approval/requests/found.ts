// Converts rows of the store to records of approval requests. An attacker who can write to the store may write any value into a
// row. One damaged row must not stop the work on other rows, so a damaged row becomes a record that nobody can decide, use or
// see.

import { canonicalText } from "../../../core/schema/digest.ts";
import type { Policy } from "../policy.ts";
import { type ApprovalState, approvalStates, isId, type Requester, type Vote } from "../record.ts";
import { erasedMark, type ReadRow, type StoredRequest, type VoteRow } from "./tables.ts";

/**
 * @param opened  Decrypts a stored text. If `opened` cannot decrypt a text, the text becomes empty. If one text is empty, the
 * digest of the record does not match the record.
 */
export const foundOf = (row: ReadRow, votes: readonly VoteRow[], opened: (text: string) => string | undefined): StoredRequest => {
  const sealed = sealedOf(row, opened);
  const requester = requesterIn(row.requester);
  const policy = policyIn(row.policy);
  const hasId = isId(row.id);
  const isDamaged = !hasId || sealed === undefined || requester === undefined || policy === undefined || !hasRightTypes(row);
  const { args, preview, nonce } = sealed ?? nothing;
  return {
    nth: wholeNumber(row.nth) ?? 0,
    version: wholeNumber(row.version) ?? 0,
    stored: row.state,
    now: row.now,
    record: {
      id: hasId ? row.id : "",
      callKey: text(row.call_key),
      digest: text(row.digest),
      app: text(row.app),
      handler: text(row.handler),
      schema: text(row.schema),
      args,
      requester: requester ?? damagedRequester,
      surface: text(row.surface),
      policyName: text(row.policy_name),
      policy: isDamaged || policy === undefined ? damagedPolicy : policy,
      preview,
      nonce,
      isErased: row.nonce === erasedMark,
      isDamaged,
      callId: text(row.call_id),
      filedAt: time(row.filed_at) ?? 0,
      pendingUntil: time(row.pending_until) ?? 0,
      state: isDamaged ? stateOfDamaged(row.state_now) : row.state_now,
      votes: votes.filter(({ id }) => id === row.id).flatMap(voteOf),
      decidedAt: time(row.decided_at),
      usableUntil: time(row.usable_until),
      reason: row.reason === null ? undefined : text(row.reason),
      use:
        row.used_call === null || row.used_at === null || row.outcome === null
          ? undefined
          : {
              callId: text(row.used_call),
              at: time(row.used_at) ?? 0,
              outcome: row.outcome,
              endedAt: time(row.ended_at),
            },
    },
  };
};

const nothing = { args: "{}", preview: undefined, nonce: "" } as const;

/**
 * Returns the state of a damaged approval request. A damaged approval request is never open, so nobody can decide the approval
 * request, no call can use it, and for the next call Quater files a new approval request.
 */
const stateOfDamaged = (state: ApprovalState): ApprovalState =>
  state === "pending" || state === "approved" || !approvalStates.includes(state) ? "expired" : state;

/** The policy of a damaged approval request. This policy has no approvers, so nobody may decide or see the approval request. */
const damagedPolicy: Policy = {
  approvers: [],
  kind: "dual",
  denials: 1,
  pendingForMs: 0,
  usableForMs: 0,
  anySurface: false,
  unattributed: false,
};

const damagedRequester: Requester = { issuer: "damaged", subject: "damaged", kind: "operator", credential: "damaged" };

const texts = ["call_key", "digest", "app", "handler", "schema", "surface", "policy_name", "call_id"] as const;
const times = ["filed_at", "pending_until", "decided_at", "usable_until", "used_at", "ended_at"] as const;
const optionalTexts = ["reason", "used_call", "outcome"] as const;

/** Whether all columns of a row have the right types. SQLite can store a value of any type in any column. */
const hasRightTypes = (row: ReadRow): boolean =>
  texts.every((name) => typeof row[name] === "string") &&
  optionalTexts.every((name) => row[name] === null || typeof row[name] === "string") &&
  times.every((name) => row[name] === null || time(row[name]) !== undefined) &&
  [row.nth, row.version].every((value) => wholeNumber(value) !== undefined) &&
  approvalStates.includes(row.state);

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const wholeNumber = (value: unknown): number | undefined => (Number.isSafeInteger(value) ? (value as number) : undefined);

/** Returns a time in milliseconds since the epoch; `undefined` for a number that a Date cannot represent. */
const time = (value: unknown): number | undefined => {
  const at = wholeNumber(value);
  return at === undefined || Number.isNaN(new Date(at).getTime()) ? undefined : at;
};

/** Decrypts the stored texts of an approval request. @returns `undefined` if Quater did not write one of the texts. */
const sealedOf = ({ args, preview, nonce }: ReadRow, opened: (text: string) => string | undefined) => {
  if (typeof args !== "string" || typeof nonce !== "string" || (preview !== null && typeof preview !== "string"))
    return undefined;
  const plain = {
    args: opened(args) ?? "{}",
    preview: preview === null ? undefined : opened(preview),
    nonce: opened(nonce) ?? "",
  };
  return isJson(plain.args) && (plain.preview === undefined || isJson(plain.preview)) ? plain : undefined;
};

/** Whether a text is JSON that has a canonical text. JSON with half of a surrogate pair has no canonical text. */
const isJson = (json: string): boolean => {
  try {
    canonicalText(JSON.parse(json));
    return true;
  } catch {
    return false;
  }
};

const parsed = (json: unknown): Readonly<Record<string, unknown>> =>
  typeof json === "string" && isJson(json) ? (Object(JSON.parse(json)) as Readonly<Record<string, unknown>>) : {};

const requesterIn = (json: string): Requester | undefined => {
  const said = parsed(json);
  const isRight =
    ["issuer", "subject", "kind", "credential"].every((name) => typeof said[name] === "string") &&
    ["person", "actsFor"].every((name) => said[name] === undefined || typeof said[name] === "string");
  return isRight ? (said as unknown as Requester) : undefined;
};

const policyIn = (json: string): Policy | undefined => {
  const said = parsed(json) as Partial<Policy>;
  const { approvers, kind, denials, pendingForMs, usableForMs, anySurface, unattributed } = said;
  const isRight =
    Array.isArray(approvers) &&
    approvers.every(isApprover) &&
    (kind === "dual" || kind === "confirm") &&
    [denials, pendingForMs, usableForMs].every((value) => wholeNumber(value) !== undefined) &&
    [anySurface, unattributed].every((value) => typeof value === "boolean");
  return isRight ? (said as Policy) : undefined;
};

const isApprover = (value: unknown): boolean => {
  const { role, person, need } = Object(value) as Readonly<Record<string, unknown>>;
  return [role, person].every((name) => name === undefined || typeof name === "string") && wholeNumber(need) !== undefined;
};

/**
 * Converts the row of a vote to a vote. Returns an empty list for a damaged row. The votes of a record are only for display,
 * because decisions count the votes on the trail.
 */
const voteOf = ({ roles: json, reason, at, verdict, ...who }: VoteRow): Vote[] => {
  const { person, issuer, subject, credential, via } = who;
  if (![person, issuer, subject, credential, via].every((value) => typeof value === "string")) return [];
  const roles = typeof json === "string" && isJson(json) ? (JSON.parse(json) as unknown) : undefined;
  const isRight =
    Array.isArray(roles) &&
    roles.every((role) => typeof role === "string") &&
    (verdict === "approve" || verdict === "deny") &&
    (reason === null || typeof reason === "string") &&
    time(at) !== undefined;
  if (!isRight) return [];
  return [{ person, issuer, subject, credential, roles: roles as string[], verdict, reason: reason ?? undefined, via, at }];
};
