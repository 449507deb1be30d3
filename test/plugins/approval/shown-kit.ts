// Approval requests as approvers see them, and texts with which a requester could deceive an approver. `isClean` finds characters
// that no view may show.

import { createHmac } from "node:crypto";
import fc from "fast-check";
import { type Handler, handler, type TSchema, Type } from "quater";
import type { Operation } from "quater/plugin-api";
import { bootTest } from "quater/testing";
import { canonicalText, schemaDigestOf } from "../../../core/schema/digest.ts";
import type { ApprovalRecord } from "../../../plugins/approval/record.ts";
import { digestOf } from "../../../plugins/approval/requests/digest.ts";
import { type Presentation, presentationOf, type Surroundings } from "../../../plugins/approval/shown/presentation.ts";

// The characters that no view may show. The kit repeats each class of these characters from the specification, so that a test
// fails if safe-text.ts no longer escapes a class.
const forbidden = [
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u,
  /\p{Default_Ignorable_Code_Point}/u,
  /[\ufe00-\ufe0f\u180b-\u180d\u180f\u{e0100}-\u{e01ef}]/u, // variation selectors
  /[\u{e0000}-\u{e007f}]/u, // tags
  /[\u115f\u1160\u3164\uffa0]/u, // Hangul fillers
  /\u2800/u,
];
export const isClean = (text: string): boolean => forbidden.every((kind) => !kind.test(text));

/** Returns the original text of a shown text. */
export const readBack = (shown: string): string =>
  shown.replace(/\\(?:u\{([0-9a-f]+)\}|\\)/g, (_all, hex?: string) =>
    hex === undefined ? "\\" : String.fromCodePoint(Number.parseInt(hex, 16)),
  );

export const awkward = fc.constantFrom(
  ..."\\ \u0000\u001b\u007f\u009b\u00a0\u00ad\u0301\u034f\u061c\u115f\u180e\u200b\u200d\u200e\u2028\u2029\u202e\u2066\u2800\u3000",
  ..."\u3164\ue000\ufe0f\ufeff\uffff\u{1f600}\u{e0041}\u{e0100}\u{10ffff}u{}…[]0a аé",
  "\ud800",
  "\udc00",
  "\\u{",
  "\\\\",
  "  ",
);
export const hostile = fc.oneof(
  fc.string({ unit: fc.oneof(awkward, fc.string({ unit: "binary", minLength: 1, maxLength: 1 })), maxLength: 30 }),
  fc.string({ unit: awkward, minLength: 350, maxLength: 450 }),
  fc.string({ unit: "grapheme" }),
);
/** Texts without half of a surrogate pair, like all texts in JSON that Quater accepts. */
export const wellFormed = hostile.map((text) => text.replaceAll(/\p{Cs}/gu, ""));

export const now = Date.parse("2026-03-01T12:00:00Z");
export const tagOf = (value: unknown) => `hmac:tag-1:${createHmac("sha256", "key").update(canonicalText(value)).digest("hex")}`;
const operations = new Map<TSchema, Operation>();

const shop = (input: TSchema): Handler =>
  handler({ description: "Refund a paid order.", effect: "write", input: input as never, auth: () => true, handle: () => null });

export const operationOf = async (input: TSchema): Promise<Operation> => {
  const known = operations.get(input);
  if (known !== undefined) return known;
  await using app = await bootTest({ handlers: { refundOrder: shop(input) } });
  const operation = app.catalog.get("refundOrder");
  if (operation === undefined) throw new Error("refundOrder is not there");
  operations.set(input, operation);
  return operation;
};

export const recordOf = (operation: Operation, args: unknown, given: Partial<ApprovalRecord> = {}): ApprovalRecord => {
  const filed = {
    app: "shop",
    handler: "refundOrder",
    schema: schemaDigestOf(operation),
    args: canonicalText(args),
    requester: { issuer: "keys", subject: "bot", kind: "agent", actsFor: "ana", credential: "qk_1" },
    surface: "mcp",
    policyName: "finance",
    policy: {
      approvers: [{ role: "finance", need: 2 }],
      kind: "dual",
      denials: 1,
      pendingForMs: 3_600_000,
      usableForMs: 600_000,
      anySurface: false,
      unattributed: false,
    },
    preview: undefined,
    nonce: "n1",
    ...given,
  } as const;
  return {
    id: "apr_aaaaaaaaaaaaaaaaaaaa",
    callKey: "hmac:tag-1:00",
    isErased: false,
    isDamaged: false,
    callId: "call-1",
    filedAt: now - 120_000,
    pendingUntil: now + 599_000,
    state: "pending",
    votes: [],
    decidedAt: undefined,
    usableUntil: undefined,
    reason: undefined,
    use: undefined,
    ...filed,
    digest: digestOf(filed),
    ...given,
  };
};

/** An operation whose input schema accepts any arguments. */
export const anything = await operationOf(Type.Record(Type.String(), Type.Unknown()));

export const show = (args: unknown, given: Partial<ApprovalRecord> = {}, around: Partial<Surroundings> = {}): Presentation => {
  const operation = around.operation ?? anything;
  return presentationOf(recordOf(operation, args, given), { view: "full", operation, earlier: [], tagOf, now, ...around });
};
