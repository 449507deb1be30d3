// Which requests belong to one person, and which look alike to people. The keys here are keyed tags: the store alone, without
// the project's key file, does not show who asked or for what.

import { canonicalText } from "../../../core/schema/digest.ts";
import { foldedName, type LikeTags } from "../../audit/service.ts";
import type { Filed, Requester } from "../record.ts";
import { folded } from "./fold.ts";

/** Gives the tag of a value with every key in the key file, the current key first: audit's `tagsOf`. */
export type TagsOf = (value: unknown) => readonly string[];

export interface LikenessKeys {
  /** Of the person who asks. Limits count by it. */
  readonly person: readonly string[];
  /** Of person, handler and folded arguments, each behind `likeForm`: equal for calls that look the same to people. */
  readonly like: readonly string[];
}

/**
 * Names the rule by which arguments were folded. Change it with the rule, to a text that sorts behind it: keys of another
 * form are computed anew (filling.ts). Keys of the first form began with `hmac:`.
 */
export const likeForm = "like2:";

/**
 * Who asks, over all surfaces and credentials: the person, or the person that a credential acts for. A credential of nobody
 * is its subject.
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

/** The same for the trail and its sinks, with the current key alone. */
export const likeTagsOf = (tagsOf: TagsOf, filed: Parameters<typeof likenessKeys>[1] & Pick<Filed, "schema">): LikeTags => {
  const { person, like } = likenessKeys(tagsOf, filed);
  return { handler: filed.handler, schema: filed.schema, person: person[0] ?? "", like: like[0] ?? "" };
};
