// The holes: each takes one check out of the gate, in every place that makes it, and says what the suite must call it. The
// gate checks some things twice; taking out one of two would leave no hole.

import type { Edit } from "./patched.ts";

export interface Hole {
  /** The check that is missing, with its row. */
  readonly check: string;
  /** The handler of the shop that shows it. */
  readonly only: "refundOrder" | "listOwnOrders" | "status";
  readonly edits: readonly Edit[];
  /** One of the suite's sentences. */
  readonly named: RegExp;
}

const pipeline = "core/pipeline/pipeline.ts";
const gate = "core/pipeline/gate.ts";
const using = "plugins/approval/requests/using.ts";
const changing = "plugins/approval/requests/changing.ts";
const digest = "plugins/approval/requests/digest.ts";

/** Uses decide from rows alone, as if nothing were on the trail. */
const withoutEvidence: readonly Edit[] = [
  {
    file: using,
    from: `const standing = await proven(context, found);
      if (standing === undefined) return undefined;
      // The row of an approval may contain any time, so read from the trail the time until which the approval is valid.
      if ((standing.usableUntil ?? 0) <= found.now)
        return end(context, asked, found, {
          reason: "the approval has expired",
          detail: { cause: "time" },
          error: approvalEnded(id, "expired", undefined),
        });
      return { record, digest, standing };`,
    to: "return { record, digest, standing: {} as never };",
  },
  { file: using, from: "check: unchangedSince(record.id, standing, standing.usableUntil ?? 0),", to: "" },
];

export const holes: readonly Hole[] = [
  {
    check: "the door asks every caller for a credential",
    only: "refundOrder",
    edits: [
      {
        file: "core/pipeline/door.ts",
        from: "throw forget.length > 0 ? invalidToken({ ...reading, forget }) : unauthenticated(surface.name, { ...reading, forget });",
        to: "return anonymous;",
      },
    ],
    named:
      /^The handler refundOrder, called over cli, ended with missing_scope instead of unauthenticated in the test for a handler that ran without a credential$/,
  },
  {
    check: "S17: a wrong credential is refused on a public route",
    only: "status",
    edits: [
      {
        file: "core/pipeline/door.ts",
        from: "if (isOpen && !hasCookie && !shown.hasExplicit) return anonymous;",
        to: "if (isOpen) return anonymous;",
      },
    ],
    named: /^The handler status, called over http, ran with a credential of another surface/,
  },
  {
    check: "each surface has its own authenticator",
    only: "refundOrder",
    edits: [{ file: gate, from: "this.#doors.get(entry.surface)", to: 'this.#doors.get("http")' }],
    named:
      /^The handler refundOrder, called over cli, ended with approval_required instead of invalid_token in the test for a handler that ran with a credential of another surface \(the credential was for http\)$/,
  },
  {
    check: "S5: a credential is checked again before the handler starts",
    only: "listOwnOrders",
    edits: [
      {
        file: pipeline,
        from: "return andThen(isReady ? StagedCall.enterAgain(call) : useUp(call, holdings), () =>",
        to: "return andThen(isReady ? undefined : useUp(call, holdings), () =>",
      },
    ],
    named:
      /^The handler listOwnOrders, called over http, ran, although the caller's credential was revoked after the policy allowed the call and before the handler started\. Pass entry to gate\.invoke\(\) in the plugin of http$/,
  },
  {
    check: "S5: a credential is checked again before an approval is used up",
    only: "refundOrder",
    edits: [{ file: pipeline, from: "await StagedCall.enterAgain(call); for (const consume", to: "for (const consume" }],
    named:
      /^The handler refundOrder, called over cli, ran, although the caller's credential was revoked after the policy allowed the call and before the handler started/,
  },
  {
    check: "S20: the log names the policy that refused a call",
    only: "listOwnOrders",
    edits: [
      {
        file: "core/pipeline/refusal-log.ts",
        from: "if (refusedBy === undefined) return;",
        to: "if (refusedBy !== code) return;",
      },
    ],
    named:
      /^The handler listOwnOrders, called over http, refused a call, but the log does not name the policy or plugin that refused the call/,
  },
  {
    check: "only exposed handlers can be called",
    only: "listOwnOrders",
    edits: [{ file: gate, from: "operation?.surfaces.has(surface) === true", to: "operation !== undefined" }],
    named: /^The handler listOwnOrders, called over cli, ran, although the manifest does not expose the handler on this surface$/,
  },
  {
    check: "the static part of the policy is checked before the input",
    only: "refundOrder",
    edits: [{ file: pipeline, from: "judgeStatic(call); const parts", to: "const parts" }],
    named:
      /^The handler refundOrder, called over mcp, ended with unknown_field instead of missing_scope in the test for a handler that ran for a principal that the policy refuses \(the input was also invalid\)$/,
  },
  {
    check: "the policy is checked with the input",
    only: "listOwnOrders",
    edits: [{ file: pipeline, from: "if (refusal !== undefined) throw refusal; if (!hooks", to: "if (!hooks" }],
    named: /^The handler listOwnOrders, called over http, ran for a principal that the policy refuses$/,
  },
  {
    check: "a refusal by a plugin ends the call",
    only: "listOwnOrders",
    edits: [
      { file: pipeline, from: "for (const verdict of verdicts) if (!verdict.allow) throw refused(verdict, notAllowed);", to: "" },
    ],
    named: /^The handler listOwnOrders, called over http, ran, although a plugin refused the call$/,
  },
  {
    check: "the input is checked against its schema",
    only: "listOwnOrders",
    edits: [
      {
        file: "core/pipeline/bind.ts",
        from: "if (!checked.check(input)) throw",
        to: "if ((input as unknown) === checked) throw",
      },
    ],
    named: /^The handler listOwnOrders, called over http, ran with a value of the wrong type$/,
  },
  {
    check: "objects of the input may have no unknown fields",
    only: "listOwnOrders",
    edits: [{ file: "core/schema/schema.ts", from: 'else if (declares) replace("additionalProperties", false);', to: "" }],
    named: /^The handler listOwnOrders, called over http, ran with a field that the schema does not declare$/,
  },
  {
    check: "plugins decide whether a call needs approval",
    only: "refundOrder",
    edits: [
      {
        file: "core/pipeline/guard.ts",
        from: "hooks.has.approve ? await approve(authorized, compiled)",
        to: 'hooks.has["none" as never] ? await approve(authorized, compiled)',
      },
    ],
    named:
      /^The handler refundOrder, called over http, could not be tested in the case "unapproved": the handler ran before anybody approved the call$/,
  },
  {
    check: "a call uses up its approval",
    only: "refundOrder",
    edits: [
      { file: pipeline, from: "for (const consume of call.consume) {", to: "for (const consume of call.consume.slice(1)) {" },
    ],
    named: /^The handler refundOrder, called over cli, ran twice with one approval$/,
  },
  {
    check: "only one of many calls uses up an approval",
    only: "refundOrder",
    edits: [
      {
        file: changing,
        from: '    .where("state", "=", "approved")\n    .where("usable_until", ">", open.clock)\n    .where("digest"',
        to: '    .where("digest"',
      },
      ...withoutEvidence,
    ],
    named: /^The handler refundOrder, called over http, ran twice with one approval \(4 calls at the same time\)$/,
  },
  {
    check: "S4: a handler with a preview has a lock",
    only: "refundOrder",
    edits: [
      {
        file: "plugins/store/lock/locks.ts",
        from: "operation === undefined ? undefined : lockOf(operation);",
        to: "undefined as ReturnType<typeof lockOf>;",
      },
    ],
    named:
      /^The handler refundOrder, called over http, ran, although an earlier call had changed the preview that people approved \(2 calls at the same time\)$/,
  },
  {
    check: "an approval covers only the approved arguments",
    only: "refundOrder",
    edits: [
      {
        file: digest,
        from: "    args: JSON.parse(args) as unknown,\n    principal: requesterOf(requester),\n    ...(policy",
        to: "    principal: requesterOf(requester),\n    ...(policy",
      },
      {
        file: using,
        from: "digestOf(boundBy(asked, { surface, preview, nonce }))",
        to: "digestOf({ ...boundBy(asked, { surface, preview, nonce }), args: record.args })",
      },
    ],
    named: /^The handler refundOrder, called over mcp, ran with arguments that were changed after the approval$/,
  },
  {
    check: "an approval covers only the requester",
    only: "refundOrder",
    edits: [
      {
        file: digest,
        from: "    args: JSON.parse(args) as unknown,\n    principal: requesterOf(requester),\n    ...(policy",
        to: "    args: JSON.parse(args) as unknown,\n    ...(policy",
      },
      {
        file: using,
        from: "digestOf(boundBy(asked, { surface, preview, nonce }))",
        to: "digestOf({ ...boundBy(asked, { surface, preview, nonce }), requester: record.requester })",
      },
      { file: changing, from: '\n    .where("requester", "=", requesterText)', to: "" },
    ],
    named: /^The handler refundOrder, called over http, ran with the approval of another caller$/,
  },
  {
    check: "approvals expire",
    only: "refundOrder",
    edits: [
      {
        file: "plugins/approval/requests/tables.ts",
        from: "when state = 'approved' and usable_until <=",
        to: "when state = 'none' and usable_until <=",
      },
      {
        file: changing,
        from: '.where("usable_until", ">", open.clock) .where("digest"',
        to: '.where("digest"',
      },
      ...withoutEvidence,
    ],
    named: /^The handler refundOrder, called over mcp, ran with an expired approval$/,
  },
  {
    check: "S11: a denial covers all credentials of a person",
    only: "refundOrder",
    edits: [
      {
        file: changing,
        from: '.where(({ exists, not }) => not(exists(deniedLike(open, keys.like, cooldownMs).select("id"))))',
        to: "",
      },
    ],
    named:
      /^The handler refundOrder, called over http, ended with approval_required instead of approval_denied in the test for a handler that allowed a new approval request for the same call directly after a denial \(the same person used another credential\)$/,
  },
  {
    check: "nobody can approve their own call",
    only: "refundOrder",
    edits: [
      {
        file: "plugins/approval/requests/eligible.ts",
        from: '  if (isSamePerson(person, requester.person)) return "you made the request yourself";\n',
        to: "",
      },
    ],
    named:
      /^The handler refundOrder, called over cli, ran with the vote of a person who may not approve this call \(the requester voted\)$/,
  },
  {
    check: "agents cannot approve",
    only: "refundOrder",
    edits: [
      {
        file: "plugins/approval/requests/eligible.ts",
        from: 'if (kind === "agent") return "agents cannot approve or deny requests";',
        to: "",
      },
    ],
    named:
      /^The handler refundOrder, called over http, ran with the vote of a person who may not approve this call \(an agent voted\)$/,
  },
  {
    check: "S3: an approval counts only with its events in the trail",
    only: "refundOrder",
    edits: withoutEvidence,
    named:
      /^The handler refundOrder, called over http, ran before people approved the call \(after the row of the request in the store was changed to approved\)$/,
  },
];
