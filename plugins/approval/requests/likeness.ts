// Computes keys by which Quater finds approval requests of one person, and approval requests that look the same to people. The
// keys are keyed digests, so the store alone shows neither who made a call nor which call the person made.

import { canonicalText } from "../../../core/schema/digest.ts";
import { foldedName, type LikeTags } from "../../audit/service.ts";
import type { Filed, Requester } from "../record.ts";
import { folded } from "./fold.ts";

/**
 * Returns the keyed digest of a value with each key in the key file. The first keyed digest is computed with the current key. The
 * approval plugin uses the function `tagsOf` of audit.
 */
export type TagsOf = (value: unknown) => readonly string[];

export interface LikenessKeys {
  /** Keyed digests of the requester's person. By these digests, Quater counts approval requests for the limits of filing. */
  readonly person: readonly string[];
  /**
   * Keyed digests of person, handler and folded arguments. Each keyed digest has the prefix `likeForm`. The keyed digests are
   * equal for calls that look the same to people.
   */
  readonly like: readonly string[];
}

/**
 * The name of the rule by which Quater folds arguments. If you change the rule, change this name to a text that sorts after the
 * old name. Quater then computes keys with an older name again (filling.ts). The keys of the first rule began with `hmac:`.
 */
export const likeForm = "like2:";

/**
 * Returns the requester's person: the person of the credential, or the person for whom the credential acts. Without a person,
 * returns issuer and subject of the credential. The result is the same on all surfaces.
 */
export const personOf = ({ person, actsFor, issuer, subject }: Requester): object => {
  const name = person ?? actsFor;
  return name === undefined ? { issuer, subject } : { person: foldedName(name) };
};

/**
 * Returns the keyed digests of a person, to find the approval requests of this person by a typed name. The typed name is the name
 * of the person, or issuer and subject with a space between them.
 */
export const namedKeys = (tagsOf: TagsOf, app: string, name: string): readonly string[] => {
  const [issuer = "", subject] = name.split(/ (.*)/s);
  const people: readonly object[] = [{ person: foldedName(name) }, ...(subject === undefined ? [] : [{ issuer, subject }])];
  return people.flatMap((who) => personKeysOf(tagsOf, { app, who }));
};

const personKeysOf = (tagsOf: TagsOf, who: object): readonly string[] =>
  tagsOf(`quater.approval.person.v1\n${canonicalText(who)}`);

export const likenessKeys = (
  tagsOf: TagsOf,
  { app, handler, args, requester }: Pick<Filed, "app" | "handler" | "args" | "requester">,
): LikenessKeys => {
  const who = { app, who: personOf(requester) };
  const like = { ...who, handler, args: folded(JSON.parse(args)) ?? {} };
  return {
    person: personKeysOf(tagsOf, who),
    like: tagsOf(`quater.approval.like.v2\n${canonicalText(like)}`).map((tag) => `${likeForm}${tag}`),
  };
};

/** Returns the keyed digests of `likenessKeys`, but only with the current key, for the trail and its sinks. */
export const likeTagsOf = (tagsOf: TagsOf, filed: Parameters<typeof likenessKeys>[1] & Pick<Filed, "schema">): LikeTags => {
  const { person, like } = likenessKeys(tagsOf, filed);
  return { handler: filed.handler, schema: filed.schema, person: person[0] ?? "", like: like[0] ?? "" };
};
