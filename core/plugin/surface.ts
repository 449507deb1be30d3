// A surface is a plugin that receives calls, such as a server. The probe of a surface lets tests call the surface from outside.

import { brand, isBranded } from "../diagnostics/brand.ts";
import type { Authentication } from "../model/authenticator.ts";
import type { Operation } from "../model/operation.ts";
import type { Principal } from "../model/principal.ts";

/** The declaration by which a plugin becomes a surface. The exposure key of a surface has the name of the surface. */
export interface Surface {
  readonly name: string;
  /** The surface's word for exposed handlers in error messages, in the plural: "CLI actions". */
  readonly exposes: string;
  /** The surface's authenticator. Without an authenticator, boot refuses protected handlers on this surface. */
  readonly authenticate?: Authentication | undefined;
  /** Whether handlers with `public: true` need no credential on this surface. */
  readonly opensToPublic?: boolean;
  /** Changes the principal of each caller of this surface. Quater calls `adopt` after any authenticator. */
  readonly adopt?: (principal: Principal) => Principal;
  /**
   * Returns the names of the ways in which callers reach the handler over this surface, such as `["tool", "resource"]`. The probe
   * of the surface uses the way that `ProbeCall.way` names, or the first way. Without `ways`, callers reach the handler in one
   * way.
   */
  readonly ways?: (operation: Operation) => readonly string[];
}

/** A file in the JSON input of a probe. */
export interface WrittenFile {
  readonly name: string;
  readonly mediaType: string;
  readonly base64: string;
}

export interface ProbeCall {
  readonly handler: string;
  /**
   * The input in the form in which a caller of the surface sends it. The form is JSON text, or texts by name (path, query,
   * flags). JSON contains a `WrittenFile` in place of a file.
   */
  readonly input: { readonly json: string } | { readonly text: Readonly<Record<string, string | readonly string[]>> };
  readonly token?: string;
  /** The id of an approval request that the caller names. */
  readonly approvalId?: string;
  /** One of the names that `ways` of the surface returned. Default: the first of these names. */
  readonly way?: string;
}

/** The answer that a caller of a surface got, in one form for all surfaces. */
export type ProbeAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly errors: readonly { path: string; message: string }[];
    };

/**
 * Calls the surface from outside and returns the answer of the surface. @throws {Error} by `cannotSend`, if this surface cannot
 * send such a call.
 */
export type Probe = (call: ProbeCall) => Promise<ProbeAnswer>;

export const cannotSend = (message: string): Error => Object.assign(new Error(message), { [brand]: "cannot-send" as const });
export const isCannotSend = (error: unknown): boolean => isBranded(error, "cannot-send");
