// Which requests belong to one person, and which look alike to people. The keys here are keyed tags: the store alone, without
// the project's key file, does not show who asked or for what.

import { canonicalText } from "../../core/index.ts";
import { foldedName } from "../audit/service.ts";
import type { Filed, Requester } from "./record.ts";

/** Gives the tag of a value with every key in the key file, the current key first: audit's `tagsOf`. */
export type TagsOf = (value: unknown) => readonly string[];

export interface LikenessKeys {
  /** Of the person who asks. Limits count by it. */
  readonly person: readonly string[];
  /** Of person, handler and folded arguments: equal for calls that look the same to people. */
  readonly like: readonly string[];
}

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
    like: tagsOf(`quater.approval.like.v1\n${canonicalText(like)}`),
  };
};

/** Not White_Space in Unicode, and blank all the same: the Braille pattern without dots. */
const blank = /[\s\p{White_Space}\u2800]/gu;

const foldedText = (text: string): string => foldedName(text).replace(blank, "");

/**
 * Folds a JSON value to what people can tell apart. Letter case, spaces, invisible characters and the ways of writing one
 * character (NFKC) do not count. An empty text, list or object, and `null`, are the same as an absent one.
 *
 * @returns `undefined` for what is empty.
 */
export const folded = (value: unknown): unknown => {
  if (value === null) return undefined;
  if (typeof value === "string") return foldedText(value) || undefined;
  if (Array.isArray(value)) {
    const items = value.map(folded).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object") return value;
  // A list and not an object: names may become equal, and `__proto__` may be one of them.
  const members = Object.entries(value).flatMap(([name, member]) => {
    const inner = folded(member);
    return inner === undefined ? [] : [[foldedText(name), inner]];
  });
  if (members.length === 0) return undefined;
  return { members: members.sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1)) };
};
