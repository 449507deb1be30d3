// What a request for approval is bound to, as digests. People vote on `digestOf`, and the call that uses the approval up
// is compared by it; `callKeyOf` is what a repeated call is found by. All are over RFC 8785 text.
//
// Injective: a tuple is one JSON object with every part under its own name, and RFC 8785 writes every JSON value in
// exactly one way, so that the text can be read back to the tuple and two tuples never share one. Arguments and preview
// stand in it as JSON values and not as text in text. What is absent is left out, because `null` is a value that a preview
// may well have.

import { canonicalText, digestOfText } from "../../../core/schema/digest.ts";
import { type Filed, requesterOf } from "../record.ts";

/** What the digest covers. Not the rest of what is filed: ids and times say nothing of what will run. */
export type Digested = Pick<
  Filed,
  "app" | "handler" | "schema" | "args" | "requester" | "surface" | "policyName" | "policy" | "preview" | "nonce"
>;

/** `sha256:` and 64 hexadecimal digits. @throws {TypeError} for what has no JSON text. */
export const digestOf = (filed: Digested): string => digestOfText(digestedText(filed));

/** The text that is digested, for checks by other programs. Its first line names the form. */
export const digestedText = ({ args, preview, requester, policyName, policy, ...filed }: Digested): string => {
  const { app, handler, schema, surface, nonce } = filed;
  const text = canonicalText({
    app,
    handler,
    schema,
    args: JSON.parse(args) as unknown,
    principal: requesterOf(requester),
    surface,
    policy: { name: policyName, rules: policy },
    ...(preview === undefined ? {} : { preview: JSON.parse(preview) as unknown }),
    nonce,
  });
  return `quater.approval.v1\n${text}`;
};

/**
 * What a repeated call is found by: equal for calls of the same handler with the same arguments by the same principal,
 * over the same surface unless the policy leaves that open.
 *
 * @param tag  A keyed function of a text, so that somebody who has only the store cannot try arguments: audit's
 *   `tagsOf`, so that requests are found after a rotation of the keys, too.
 */
export const callKeyOf = <Tag>(
  tag: (text: string) => Tag,
  {
    app,
    handler,
    args,
    requester,
    surface,
    policy,
  }: Pick<Digested, "app" | "handler" | "args" | "requester" | "surface" | "policy">,
): Tag => {
  const text = canonicalText({
    app,
    handler,
    args: JSON.parse(args) as unknown,
    principal: requesterOf(requester),
    ...(policy.anySurface ? {} : { surface }),
  });
  return tag(`quater.approval.call.v1\n${text}`);
};
