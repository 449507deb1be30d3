// The `requestState` of revision 2026-07-28: a signed text that the server gives to a client whose call waits for approval. The
// client repeats its call with this text. Quater does not store a `requestState`, and every instance of the app accepts a
// `requestState`. A `requestState` gives no rights, because the gate looks up the approval by the caller, the handler and the
// arguments. The gate refuses the call if the approvers have not approved the call.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { Principal } from "../../../core/index.ts";
import { canonicalText } from "../../../core/schema/digest.ts";

/** How long a client may take to repeat its call, milliseconds. This time is long, because people may see the question late. */
const lifetimeMs = 24 * 3_600_000;
/** How far the clock of another instance may be ahead, milliseconds. */
const skewMs = 300_000;
/** The longest `requestState` that Quater reads, characters. A `requestState` of Quater is much shorter. */
const longestState = 1_024;

/** The call to which a `requestState` belongs. */
export interface StatedCall {
  readonly handler: string;
  /** The arguments of the call in the form in which the client sent the arguments. */
  readonly values: unknown;
  readonly principal: Principal;
}

/** The data in a `requestState` that Quater needs when the client repeats the call. */
export interface State {
  readonly approvalId: string;
  /** How often Quater has asked the client to show the approvals page for this call, from 1. */
  readonly round: number;
}

export class RequestStates {
  readonly #secrets: () => readonly Buffer[];
  readonly #now: () => number;

  /**
   * @param secrets  Returns the keys for signatures of a `requestState`. The first key signs, and all keys verify. All instances
   * of an app need the same keys.
   * @param now  Returns the current time, milliseconds since the epoch.
   */
  constructor(secrets: () => readonly Buffer[], now: () => number = Date.now) {
    this.#secrets = secrets;
    this.#now = now;
  }

  /** Returns the `requestState` for a call; `undefined` if `secrets` returns no key. */
  issue({ approvalId, round }: State, call: StatedCall): string | undefined {
    const [secret] = this.#secrets();
    if (secret === undefined) return undefined;
    const head = Buffer.from(JSON.stringify([approvalId, round, this.#now()])).toString("base64url");
    return `${head}.${signed(secret, head, call).toString("base64url")}`;
  }

  /**
   * @returns The state in a `requestState`; `undefined` if the text was not issued for this call of this principal, was changed,
   * or is too old.
   */
  read(text: unknown, call: StatedCall): State | undefined {
    if (typeof text !== "string" || text.length > longestState) return undefined;
    const [head = "", signature = ""] = text.split(".", 2);
    const given = Buffer.from(signature, "base64url");
    // This check refuses other Base64 spellings of the signature, and texts with more than two parts.
    if (`${head}.${given.toString("base64url")}` !== text) return undefined;
    const isOurs = this.#secrets().some((secret) => {
      const own = signed(secret, head, call);
      return own.length === given.length && timingSafeEqual(own, given);
    });
    if (!isOurs) return undefined;
    const [approvalId, round, at] = JSON.parse(Buffer.from(head, "base64url").toString("utf8")) as [string, number, number];
    const ageMs = this.#now() - at;
    return ageMs > lifetimeMs || ageMs < -skewMs ? undefined : { approvalId, round };
  }
}

/** Computes a signature over the call and its principal, so that the `requestState` of one call is not valid for another call. */
const signed = (secret: Buffer, head: string, { handler, values, principal }: StatedCall): Buffer => {
  const { issuer, subject, actsFor = null, person = null } = principal;
  const text = canonicalText({ head, handler, values, principal: [issuer, subject, actsFor, person] });
  return createHmac("sha256", secret).update(`quater.mcp.approval.v1\n${text}`).digest();
};
