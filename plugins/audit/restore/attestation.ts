// The lines in sinks. Each line attests that the trail has an event with a certain number and hash. The checkpoint key signs each
// line, and the signature covers the type of the line. Sink lines have three types:
//
// audit.checkpoint  the newest event, every 1,000 events or 60 seconds
// approval.used     the event that used an approval, written before the handler runs
// store.restored    the first event after an acknowledged restore

import { type KeyObject, sign, verify } from "node:crypto";
import { canonicalText } from "../../../core/schema/digest.ts";
import { isSignedBy, type SignedCheckpoint } from "../log/chain.ts";
import { type LikeTags, tagsIn } from "../log/like-tags.ts";

/** The fields that all sink lines have. */
interface About {
  readonly app: string;
  readonly chain: number;
  /** The genesis hash of the trail. */
  readonly genesis: string;
  /** When Quater made the sink line, milliseconds since the epoch, by the store's clock. */
  readonly at: number;
  /** The id of the checkpoint key that signed the sink line. */
  readonly key: string;
}

/** The use of an approval in a sink line. Sink lines of older versions of Quater have no keyed digests. */
export interface AttestedUse extends Partial<LikeTags> {
  readonly approvalId: string;
  readonly callId: string;
}

export interface UsedLine extends About, AttestedUse {
  readonly seq: number;
  readonly hash: string;
}

/** The numbers of the events that the store lacks after a restore. */
export interface Missing {
  readonly from: number;
  /** The highest event number that a sink attests; `from - 1` when no sink attests a lost event. */
  readonly through: number;
  /** The hash of the event `through` in a sink line. */
  readonly head?: string;
}

export interface RestoredLine extends About {
  readonly seq: number;
  readonly hash: string;
  readonly after: { readonly seq: number; readonly hash: string };
  readonly missing: Missing;
}

interface Lines {
  "approval.used": UsedLine;
  "store.restored": RestoredLine;
}
type LineType = keyof Lines;

/** The facts that a sink line of any type attests. */
export interface Attestation {
  readonly type: LineType | "audit.checkpoint";
  readonly seq: number;
  readonly hash: string;
  readonly genesis: string;
  readonly at: number;
  /** The used approval; only in sink lines of the type `approval.used`. */
  readonly used?: { readonly approvalId: string; readonly callId: string; readonly tags?: LikeTags };
}

const signedText = (type: LineType, fields: object): Buffer => Buffer.from(`quater.${type}.v1\n${canonicalText(fields)}`);

/** Returns a signed line for a sink. */
export const signedLine = <Type extends LineType>(type: Type, fields: Lines[Type], key: KeyObject): string => {
  const signature = sign(null, signedText(type, fields), key).toString("base64url");
  return `${JSON.stringify({ type, ...fields, signature })}\n`;
};

/**
 * The content of a sink line whose signature Quater has not checked. Checking a signature takes longer than all other work, so
 * Quater checks a signature only when the result matters.
 */
export interface Claim extends Attestation {
  readonly isSigned: () => boolean;
}

/**
 * The reason why a line of a sink attests no event. `foreign`: another program wrote the line, such as a line of a log.
 * `unsigned`: the line has the type of a sink line, but its signature is not valid.
 */
type NoClaim = "foreign" | "unsigned";

const types = ["audit.checkpoint", "approval.used", "store.restored"] as const;

/** Parses a line of a sink. @param publicKeys  The public keys whose signatures Quater accepts, by key id. */
export const claimIn = (line: string, publicKeys: ReadonlyMap<string, KeyObject>): Claim | NoClaim => {
  if (!types.some((type) => line.includes(`"${type}"`))) return "foreign";
  try {
    const { type, signature, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const key = publicKeys.get(String(fields["key"]));
    if (typeof signature !== "string" || typeof fields["genesis"] !== "string") return "unsigned";
    const { genesis, at } = fields as unknown as About;
    if (type === "audit.checkpoint") {
      const checkpoint = { ...fields, signature } as SignedCheckpoint;
      const { size, head } = checkpoint;
      if (!isPlace(size, head)) return "unsigned";
      return { type, seq: size, hash: head, genesis, at, isSigned: () => key !== undefined && isSignedBy(checkpoint, key) };
    }
    if (type !== "approval.used" && type !== "store.restored") return "foreign";
    const { seq, hash, approvalId, callId } = fields as unknown as UsedLine;
    if (!isPlace(seq, hash)) return "unsigned";
    const isSigned = () => key !== undefined && isVerified(type, fields, key, signature);
    if (type === "store.restored") return { type, seq, hash, genesis, at, isSigned };
    const tags = tagsIn(fields);
    return { type, seq, hash, genesis, at, isSigned, used: { approvalId, callId, ...(tags === undefined ? {} : { tags }) } };
  } catch {
    return "unsigned"; // The line was cut by a crash, or is not JSON.
  }
};

const isVerified = (type: LineType, fields: object, key: KeyObject, signature: string): boolean => {
  try {
    return verify(null, signedText(type, fields), key, Buffer.from(signature, "base64url"));
  } catch {
    return false; // A field is not JSON.
  }
};

const isPlace = (seq: unknown, hash: unknown): boolean =>
  Number.isSafeInteger(seq) && typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash);
