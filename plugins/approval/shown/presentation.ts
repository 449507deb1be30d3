// One request as approvers see it: plain data, every text in it safe, and nothing left to decide for the page and the
// terminal that print it. What the caller says of its own reasons is not in it, because nothing of that is stored.

import type { Operation } from "../../../core/plugin-api.ts";

import { schemaDigestOf } from "../../../core/schema/digest.ts";
import { type RanBefore, ranBeforeInWords } from "../earlier-call.ts";
import type { ApprovalRecord, ApprovalState } from "../record.ts";
import { type ShownText, safeText, type View } from "./safe-text.ts";
import { type ShownValues, shownArguments, shownPreview } from "./values.ts";
import { policyInWords, type ShownTime, shownTime, stateInWords } from "./words.ts";

/** Strings are words of this program, ids, digests and times: safe as they are. Everything else is a ShownText. */
export interface Presentation {
  readonly view: View;
  /** Something was cut: the full view shows it. */
  readonly needsFullView: boolean;
  /** All arguments and the whole preview are here. Offer Approve only then. */
  readonly isComplete: boolean;
  readonly id: string;
  readonly state: ApprovalState;
  /** `pending`; `used, succeeded`. */
  readonly stateInWords: string;
  /** Of the denial, cancellation or revocation. */
  readonly reason: ShownText | undefined;
  readonly handler: ShownText;
  /** The handler's description; `undefined` when the handler is not exposed any more. */
  readonly purpose: ShownText | undefined;
  readonly app: ShownText;
  /** Where the call will run, if known. */
  readonly environment: ShownText | undefined;
  readonly requester: {
    readonly person: ShownText | undefined;
    /** The person an agent or service asks for. */
    readonly actsFor: ShownText | undefined;
    readonly kind: "user" | "service" | "agent" | "operator";
    readonly subject: ShownText;
    readonly issuer: ShownText;
    readonly credential: ShownText;
    readonly surface: ShownText;
  };
  /** Why there are neither arguments nor preview, when there are none to show: a sentence. */
  readonly hidden: string | undefined;
  readonly arguments: ShownValues;
  /** `undefined` when the handler has none. */
  readonly preview: ShownValues | undefined;
  /** Identical requests of the last 24 hours, newest first. */
  readonly earlier: readonly { readonly id: string; readonly filed: ShownTime; readonly stateInWords: string }[];
  /** Whether the same person has called this handler like this before. `undefined` when no such call is known. */
  readonly ranBefore: (RanBefore & { readonly words: string }) | undefined;
  readonly policyName: ShownText;
  /** One sentence each, without a full stop; names in them are safe. */
  readonly policy: readonly string[];
  /** How many people agreed, of how many that must; one that counts for several roles counts once. */
  readonly agreed: { readonly votes: number; readonly needed: number };
  readonly votes: readonly {
    readonly person: ShownText;
    readonly verdict: "approve" | "deny";
    readonly reason: ShownText | undefined;
    readonly via: ShownText;
    readonly at: ShownTime;
  }[];
  /** What a vote must echo. */
  readonly digest: string;
  /** Its first 16 hexadecimal digits: for comparing by eye. */
  readonly digestStart: string;
  readonly filed: ShownTime;
  readonly decided: ShownTime | undefined;
  /** Until when it can be decided or, once approved, used; `undefined` when neither is possible any more. */
  readonly expires: ShownTime | undefined;
}

export interface Surroundings {
  readonly view: View;
  /** Of the handler as it is exposed now: says which arguments are secret. */
  readonly operation: Operation | undefined;
  /** What `Approvals.earlier` answers. */
  readonly earlier: readonly ApprovalRecord[];
  /** What `Approvals.ranBefore` answers. */
  readonly ranBefore?: RanBefore | undefined;
  /** Audit's: `hmac:<key id>:<64 hex>`. */
  readonly tagOf: (value: unknown) => string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** For people: `serve, https://shop.example`. */
  readonly environment?: string;
}

export const presentationOf = (record: ApprovalRecord, surroundings: Surroundings): Presentation => {
  const { view, operation, earlier, ranBefore, now, environment } = surroundings;
  const whole = (text: string) => safeText(text, "full");
  const wholeOr = (text: string | undefined) => (text === undefined ? undefined : whole(text));
  const time = (at: number) => shownTime(at, now);
  const { requester, policy } = record;
  const values = valuesOf(record, surroundings);
  const needsFullView = [values.arguments, values.preview].some((shown) => shown !== undefined && isCut(shown));
  const until = record.state === "pending" ? record.pendingUntil : record.state === "approved" ? record.usableUntil : undefined;
  return {
    view,
    needsFullView,
    isComplete: !needsFullView && values.hidden === undefined,
    id: record.id,
    state: record.state,
    stateInWords: stateInWords(record),
    reason: wholeOr(record.reason),
    handler: whole(record.handler),
    purpose: wholeOr(operation?.handler.description),
    app: whole(record.app),
    environment: wholeOr(environment),
    requester: {
      person: wholeOr(requester.person),
      actsFor: wholeOr(requester.actsFor),
      kind: requester.kind,
      subject: whole(requester.subject),
      issuer: whole(requester.issuer),
      credential: whole(requester.credential),
      surface: whole(record.surface),
    },
    ...values,
    earlier: earlier.map((one) => ({ id: one.id, filed: time(one.filedAt), stateInWords: stateInWords(one) })),
    ranBefore: ranBefore && { ...ranBefore, words: ranBeforeInWords(ranBefore) },
    policyName: whole(record.policyName),
    policy: policyInWords(policy, requester, record.surface),
    agreed: {
      votes: record.votes.filter(({ verdict }) => verdict === "approve").length,
      needed: policy.approvers.reduce((sum, { need }) => sum + need, 0),
    },
    votes: record.votes.map(({ person, verdict, reason, via, at }) => ({
      person: whole(person),
      verdict,
      reason: wholeOr(reason),
      via: whole(via),
      at: time(at),
    })),
    digest: record.digest,
    digestStart: record.digest.slice("sha256:".length, "sha256:".length + 16),
    filed: time(record.filedAt),
    decided: record.decidedAt === undefined ? undefined : time(record.decidedAt),
    expires: until === undefined ? undefined : time(until),
  };
};

const nothing: ShownValues = { rows: [], rowsLeftOut: 0 };

// Only the schema under which a request was filed says which of its arguments are secret. Where that is gone, all could be.
const valuesOf = (
  record: ApprovalRecord,
  { operation, tagOf, view }: Surroundings,
): Pick<Presentation, "hidden" | "arguments" | "preview"> => {
  if (operation === undefined || schemaDigestOf(operation) !== record.schema) {
    const cause = operation === undefined ? "the handler is no longer exposed" : "the handler's input was changed since";
    return { hidden: `${cause}, so that nobody can say which arguments are secret`, arguments: nothing, preview: undefined };
  }
  const args = JSON.parse(record.args) as unknown;
  const { secretTexts, ...shown } = shownArguments({ args, schema: operation.input, tagOf }, view);
  const preview =
    record.preview === undefined ? undefined : shownPreview(JSON.parse(record.preview) as unknown, secretTexts, view);
  return { hidden: undefined, arguments: shown, preview };
};

const isCut = ({ rows, rowsLeftOut }: ShownValues): boolean =>
  rowsLeftOut > 0 || rows.some(({ path, value }) => path.isCut || value.isCut);
