// Computes the digests of an approval request. People vote on the result of `digestOf`, and a call may use an approval only if
// the digest of the call is the same. Quater finds the approval request of a repeated call by the result of `callKeyOf`. Quater
// computes the digest and the call key from RFC 8785 text.
//
// Two different calls never have the same text. The text is one JSON object with each part of the approval request under its own
// name, and RFC 8785 writes each JSON value in exactly one way. In the JSON object, arguments and preview are JSON values, not
// strings that contain JSON. The JSON object has no member for an absent preview, because a preview may be `null`.

import { canonicalText, digestOfText } from "../../../core/schema/digest.ts";
import { type Filed, requesterOf } from "../record.ts";

/**
 * The parts of an approval request that the digest covers. The digest does not cover ids and times, because ids and times do not
 * change what will run.
 */
export type Digested = Pick<
  Filed,
  "app" | "handler" | "schema" | "args" | "requester" | "surface" | "policyName" | "policy" | "preview" | "nonce"
>;

/**
 * Returns the digest of an approval request. @returns `sha256:` and 64 hexadecimal digits. @throws {TypeError} for a value that
 * has no JSON text.
 */
export const digestOf = (filed: Digested): string => digestOfText(digestedText(filed));

/**
 * Returns the text from which Quater computes the digest, so that other programs can verify the digest. The first line of the
 * text names the format of the text.
 */
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
 * Returns the key by which Quater finds the approval request of a repeated call. The key is equal for calls of the same handler
 * with the same arguments by the same principal. The surface must be the same as well, unless the approval policy allows any
 * surface.
 *
 * @param tag  A keyed digest function, so that an attacker who has only the store cannot guess arguments. With `tagsOf` of audit
 * as `tag`, Quater also finds approval requests after a key rotation.
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
