// Computes keys that say which requests belong to one person, and which requests look the same to people. They are keyed digests:
// without the project's key file, the store does not show who asked, or for what.

import { canonicalText } from "../../../core/schema/digest.ts";
import { foldedName, type LikeTags } from "../../audit/service.ts";
import type { Filed, Requester } from "../record.ts";
import { folded } from "./fold.ts";

/** Returns the keyed digest of a value with each key in the key file, the current key first. This is audit's `tagsOf`. */
export type TagsOf = (value: unknown) => readonly string[];

export interface LikenessKeys {
  /** Keyed digests of the person who asks. Filing limits count requests by them. */
  readonly person: readonly string[];
  /**
   * Keyed digests of person, handler and folded arguments, each after `likeForm`. They are equal for calls that look the same to
   * people.
   */
  readonly like: readonly string[];
}

/**
 * The name of the rule by which arguments are folded. If the rule changes, change this text to one that sorts after it. Keys with
 * an older text are then computed again (filling.ts). The keys of the first rule began with `hmac:`.
 */
export const likeForm = "like2:";

/**
 * Returns the person who asks: the person of the credential, or the person it acts for. A credential without a person counts as
 * its subject. The result is the same on all surfaces.
 */
export const personOf = ({ person, actsFor, issuer, subject }: Requester): object => {
  const name = person ?? actsFor;
  return name === undefined ? { issuer, subject } : { person: foldedName(name) };
};

export const likenessKeys = (
  tagsOf: TagsOf,
  { app, handler, args, requester }: Pick<Filed, "app" | "handler" | "args" | "requester">,
): LikenessKeys => {
  const who = { app, who: personOf(requester) };
  const like = { ...who, handler, args: folded(JSON.parse(args)) ?? {} };
  return {
    person: tagsOf(`quater.approval.person.v1\n${canonicalText(who)}`),
    like: tagsOf(`quater.approval.like.v2\n${canonicalText(like)}`).map((tag) => `${likeForm}${tag}`),
  };
};

/** Returns the same keyed digests with only the current key, for the trail and its sinks. */
export const likeTagsOf = (tagsOf: TagsOf, filed: Parameters<typeof likenessKeys>[1] & Pick<Filed, "schema">): LikeTags => {
  const { person, like } = likenessKeys(tagsOf, filed);
  return { handler: filed.handler, schema: filed.schema, person: person[0] ?? "", like: like[0] ?? "" };
};
