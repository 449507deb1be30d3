// Converts an approval request to its presentation for approvers. The presentation is plain data, and all texts in it are safe to
// show. The approvals page and the terminal show the texts of the presentation unchanged.

import type { Operation } from "../../../core/plugin-api.ts";

import { schemaDigestOf } from "../../../core/schema/digest.ts";
import { type RanBefore, ranBeforeInWords } from "../earlier-call.ts";
import type { ApprovalRecord, ApprovalState } from "../record.ts";
import { type ShownText, safeText, type View } from "./safe-text.ts";
import { type ShownValues, shownArguments, shownPreview } from "./values.ts";
import { policyInWords, type ShownTime, shownTime, stateInWords } from "./words.ts";

/**
 * An approval request as approvers see it. Plain strings are words of Quater, ids, digests and times, which are safe to show. All
 * other texts are a ShownText.
 */
export interface Presentation {
  readonly view: View;
  /** Whether the presentation shortens a text or a list. The full view shows all texts and lists. */
  readonly needsFullView: boolean;
  /** Whether the presentation shows all arguments and the whole preview. Offer the Approve button only if this field is true. */
  readonly isComplete: boolean;
  readonly id: string;
  readonly state: ApprovalState;
  /** The state of the approval request in words: `pending`; `used, succeeded`. */
  readonly stateInWords: string;
  /** The reason why the approval request was denied, cancelled or revoked. */
  readonly reason: ShownText | undefined;
  readonly handler: ShownText;
  /** The description of the handler. `undefined` if the manifest no longer exposes the handler. */
  readonly purpose: ShownText | undefined;
  readonly app: ShownText;
  /** The place where the approved call will run, if Quater knows the place. */
  readonly environment: ShownText | undefined;
  readonly requester: {
    readonly person: ShownText | undefined;
    /** The person for whom an agent or a service makes the call. */
    readonly actsFor: ShownText | undefined;
    readonly kind: "user" | "service" | "agent" | "operator";
    readonly subject: ShownText;
    readonly issuer: ShownText;
    readonly credential: ShownText;
    readonly surface: ShownText;
  };
  /**
   * The reason why arguments and preview are not shown, as a sentence; `undefined` if the presentation shows arguments and
   * preview.
   */
  readonly hidden: string | undefined;
  readonly arguments: ShownValues;
  /** The handler's preview of the call; `undefined` for a handler without a preview. */
  readonly preview: ShownValues | undefined;
  /** Identical approval requests of the last 24 hours, the newest first. */
  readonly earlier: readonly { readonly id: string; readonly filed: ShownTime; readonly stateInWords: string }[];
  /**
   * An earlier call of the same handler by the same person with the same or similar arguments. `undefined` if Quater knows no
   * such earlier call.
   */
  readonly ranBefore: (RanBefore & { readonly words: string }) | undefined;
  readonly policyName: ShownText;
  /**
   * The rules of the approval policy, one sentence for each rule, without a full stop. Names in these sentences are safe to show.
   */
  readonly policy: readonly string[];
  /** How many people have approved the request, and how many people must approve it. */
  readonly agreed: { readonly votes: number; readonly needed: number };
  readonly votes: readonly {
    readonly person: ShownText;
    readonly verdict: "approve" | "deny";
    readonly reason: ShownText | undefined;
    readonly via: ShownText;
    readonly at: ShownTime;
  }[];
  /** The digest of the approval request, which each vote must contain. */
  readonly digest: string;
  /** The first 16 hexadecimal digits of the digest of the approval request, for people to compare. */
  readonly digestStart: string;
  readonly filed: ShownTime;
  readonly decided: ShownTime | undefined;
  /**
   * Until this time people can decide the approval request or, after the approval, the call can use the approval. `undefined` if
   * the approval request has ended.
   */
  readonly expires: ShownTime | undefined;
}

export interface Surroundings {
  readonly view: View;
  /** The handler with its current exposure. The input schema of the handler marks the secret arguments. */
  readonly operation: Operation | undefined;
  /** The result of `Approvals.earlier`. */
  readonly earlier: readonly ApprovalRecord[];
  /** The result of `Approvals.ranBefore`. */
  readonly ranBefore?: RanBefore | undefined;
  /** Returns the keyed digest of a value, computed by audit: `hmac:<key id>:<64 hex>`. */
  readonly tagOf: (value: unknown) => string;
  /** The current time, milliseconds since the epoch. */
  readonly now: number;
  /** The place where the calls of the app run, in words for people: `serve, https://shop.example`. */
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

/**
 * The computed digests of input schemas. A list shows many approval requests of the same handler, so Quater computes each digest
 * only once.
 */
const digests = new WeakMap<Operation, string>();

const digestOf = (operation: Operation): string => {
  const known = digests.get(operation) ?? schemaDigestOf(operation);
  digests.set(operation, known);
  return known;
};

const nothing: ShownValues = { rows: [], rowsLeftOut: 0 };

/**
 * Returns arguments and preview of an approval request as rows. Only the schema under which Quater filed the approval request
 * marks the secret arguments. If the handler no longer has this schema, the rows show no argument.
 */
export const valuesOf = (
  record: ApprovalRecord,
  { operation, tagOf, view }: Pick<Surroundings, "operation" | "tagOf" | "view">,
): Pick<Presentation, "hidden" | "arguments" | "preview"> => {
  if (operation === undefined || digestOf(operation) !== record.schema) {
    const cause = operation === undefined ? "the handler is no longer exposed" : "the handler's input schema has changed";
    return { hidden: `${cause}, so Quater does not know which arguments are secret`, arguments: nothing, preview: undefined };
  }
  const args = JSON.parse(record.args) as unknown;
  const { secretTexts, ...shown } = shownArguments({ args, schema: operation.input, tagOf }, view);
  const preview =
    record.preview === undefined ? undefined : shownPreview(JSON.parse(record.preview) as unknown, secretTexts, view);
  return { hidden: undefined, arguments: shown, preview };
};

const isCut = ({ rows, rowsLeftOut }: ShownValues): boolean =>
  rowsLeftOut > 0 || rows.some(({ path, value }) => path.isCut || value.isCut);
