// Finds calls that ran according to the trail, but whose approval request is missing in the store. The row of the approval
// request may have been deleted, changed, or lost in a restore.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import type { KnownUses, ProvenUse } from "../../audit/service.ts";
import { type LikenessKeys, likeForm } from "./likeness.ts";

export interface HiddenGiven {
  readonly handler: string;
  readonly schema: string;
  readonly keys: LikenessKeys;
  /** The id of the current approval request, which does not count as an earlier approval request. */
  readonly except: string | undefined;
  /** Only uses of approvals before this time count, milliseconds since the epoch. */
  readonly before: number | undefined;
  /** Whether Quater found the approval request in the store, and compared the approval request with the call. */
  readonly isLoaded: (approvalId: string) => boolean;
  /** Whether Quater found the approval request in the store, and an event records the erasure of its personal data. */
  readonly isErased: (approvalId: string) => boolean;
}

export interface Hidden {
  /** Whether the earlier call looks the same to people. If this field is false, Quater cannot compare the two calls. */
  readonly isAlike: boolean;
  /** The reason why Quater cannot compare the two calls, as the end of a sentence. */
  readonly reason: string;
}

/**
 * Looks for a use of an approval on the trail that has no row in the store. Call this function after Quater has compared all rows
 * and found no earlier call. If the trail then contains a use that looks the same, another program changed or deleted the row of
 * the use.
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

/** Returns the first part of a keyed digest, which contains the id of the key: `hmac:<key id>:`. */
const keyOf = (tag: string): string => tag.slice(0, tag.lastIndexOf(":") + 1);

const whenAndWhich = ({ at, callId }: ProvenUse): string => `, at ${new Date(at).toISOString()} (call ${cut(visible(callId))})`;
