// Finds calls that ran according to the trail, but whose request is missing in the store, because the row was deleted, changed,
// or lost in a restore.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import type { KnownUses, ProvenUse } from "../../audit/service.ts";
import { type LikenessKeys, likeForm } from "./likeness.ts";

export interface HiddenGiven {
  readonly handler: string;
  readonly schema: string;
  readonly keys: LikenessKeys;
  /** The id of the current request, which does not count as an earlier request. */
  readonly except: string | undefined;
  /** Only uses before this time count, milliseconds since the epoch. */
  readonly before: number | undefined;
  /** Whether the request was found in the store and compared. */
  readonly isLoaded: (approvalId: string) => boolean;
  /** Whether the request was found in the store, and an event records that its personal data were erased. */
  readonly isErased: (approvalId: string) => boolean;
}

export interface Hidden {
  /** Whether the earlier call looks the same to people. If not, Quater cannot compare the calls. */
  readonly isAlike: boolean;
  /** The reason why the calls cannot be compared, as the end of a sentence. */
  readonly reason: string;
}

/**
 * Looks for a use of an approval on the trail that has no row in the store. Call this function after all rows were compared and
 * no earlier call was found. If the trail then has a use that looks the same, the row of the use was changed or deleted.
 */
export const hiddenUse = ({ uses, isDamaged }: KnownUses, given: HiddenGiven): Hidden | undefined => {
  const { handler, schema, keys, except, before, isLoaded, isErased } = given;
  const relevant = uses.filter(
    ({ approvalId, at, tags }) =>
      approvalId !== except && (before === undefined || at < before) && (tags === undefined || tags.handler === handler),
  );
  const alike = relevant.find(({ approvalId, tags }) => keys.like.includes(tags?.like ?? "") && !isErased(approvalId));
  if (alike !== undefined)
    return {
      isAlike: true,
      reason: alike.isLost
        ? `a sink proves that a similar call ran${whenAndWhich(alike)}, but a restore of the store lost the record of that call`
        : `the trail proves that a similar call ran${whenAndWhich(alike)}, but its approval request was deleted or changed in the store`,
    };
  const other = (reason: string): Hidden => ({ isAlike: false, reason });
  if (isDamaged) return other("an event about an earlier call does not verify. Run `quater audit verify`");
  const unloaded = relevant.filter(({ approvalId }) => !isLoaded(approvalId));
  const changed = unloaded.find(
    ({ tags }) => keys.person.includes(tags?.person ?? "") && (tags?.schema !== schema || !tags.like.startsWith(likeForm)),
  );
  if (changed !== undefined)
    return other(
      `an earlier call ran with another input schema, and its approval request is not in the store${changed.isLost ? " since a restore" : ""}`,
    );
  const lost = unloaded.filter(({ isLost }) => isLost);
  if (lost.some(({ tags }) => tags === undefined))
    return other("a restore lost the record of a call, and the sink does not show which call");
  const known = keys.person.map(keyOf);
  if (lost.some(({ tags }) => tags !== undefined && !known.includes(keyOf(tags.person))))
    return other("a restore lost the record of a call, and the key that would show its person is missing");
  return undefined;
};

/** Returns the part of a keyed digest with the id of the key: `hmac:<key id>:`. */
const keyOf = (tag: string): string => tag.slice(0, tag.lastIndexOf(":") + 1);

const whenAndWhich = ({ at, callId }: ProvenUse): string => `, at ${new Date(at).toISOString()} (call ${cut(visible(callId))})`;
