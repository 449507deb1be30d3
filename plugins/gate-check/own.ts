// Tries the authenticators of the project itself, with tokens that the user of the gate suite supplies. The policies of the
// handlers then get real principals. The gate suite tries approvals only with its own principals, because each approval request
// needs another caller.

import type { Awaitable } from "../../core/plugin-api.ts";
import type { Case, Target, Tried } from "./cases.ts";
import { send, tried, unwritable } from "./cases.ts";
import { lacking } from "./principals.ts";

/** The tokens of one surface that the user of the gate suite supplies. */
export interface OwnTokens {
  /** A token of a caller whom the policies of all tried handlers allow. */
  readonly allowed: string;
  /** A valid token of a caller without any scopes, roles or other rights. */
  readonly refused?: string;
  /** A valid token for another surface, which this surface must refuse. */
  readonly elsewhere?: string;
  /** Whether the surface accepts calls without a token, as a surface with `localUser()` does. Default false. */
  readonly isLocal?: boolean;
  /**
   * Revokes the token `allowed`. The gate suite calls this function after all other cases, while a call with the token `allowed`
   * waits.
   */
  readonly revoke?: () => Awaitable<void>;
}

const unknownToken = "gate-suite-unknown";

export const ownCases = (own: OwnTokens): readonly Case[] => {
  const attempt = async (target: Target, token: string | undefined, codes: readonly string[]): Promise<readonly Tried[]> =>
    tried(await send(target, token, target.inputs.right()), codes);
  return [
    {
      name: ownNames[0],
      hole: "ran without a credential, and the suite used the authenticator of the project",
      run: async (target) =>
        target.operation.isPublic || own.isLocal === true ? [] : attempt(target, undefined, ["unauthenticated"]),
    },
    {
      name: ownNames[1],
      hole: "ran with an unknown token, and the suite used the authenticator of the project",
      run: async (target) => [
        ...(await attempt(target, unknownToken, ["invalid_token"])),
        ...(own.elsewhere === undefined ? [] : await attempt(target, own.elsewhere, ["invalid_token"])),
      ],
    },
    {
      name: ownNames[2],
      hole: "ran with a token that has no rights",
      run: async (target) => {
        const codes = lacking(target.operation, target.granted).flatMap((each) => each.codes);
        return own.refused === undefined || codes.length === 0 ? [] : attempt(target, own.refused, codes);
      },
    },
    {
      name: ownNames[3],
      hole: "did not run with the token that the tokens of the suite list as allowed",
      run: async (target) => {
        const seen = (await send(target, own.allowed, target.inputs.right())) ?? unwritable(target);
        return tried(seen, [target.needsApproval ? "approval_required" : "ran"]);
      },
    },
  ];
};

/**
 * Checks that a call does not run if the app revokes its token while the call waits. An authenticator may cache credentials, but
 * must not use its cache when the gate checks a credential again during a call.
 */
export const ownRevoked = ({ allowed, revoke }: OwnTokens): Case => ({
  name: ownNames[4],
  hole: "ran, although the caller's token was revoked after the policy allowed the call and before the handler started",
  remedy: ({ surface }) => `Do not use a cache in the authenticator of ${surface} when isCheckedAgain is true`,
  run: async (target) => {
    if (revoke === undefined) return [];
    const call = () => send(target, allowed, target.inputs.right());
    return tried(await target.rehearsed.callDuring(revoke, call), ["invalid_token"]);
  },
});

export const ownNames = [
  "own door: none",
  "own door: unknown",
  "own door: refused",
  "own door: allowed",
  "own door: revoked",
] as const;
