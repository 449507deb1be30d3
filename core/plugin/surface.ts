// What a surface is: a plugin through which calls come in, and the probe by which tests call it from the outside.

import { brand, isBranded } from "../diagnostics/brand.ts";
import type { Authentication } from "../model/authenticator.ts";
import type { Principal } from "../model/principal.ts";

/** A plugin that originates calls. Its exposure key has the surface's name. */
export interface Surface {
  readonly name: string;
  /** For messages, in the plural: "CLI actions". */
  readonly exposes: string;
  /** Without it the boot refuses handlers on this surface that need a credential. */
  readonly authenticate?: Authentication | undefined;
  /** Whether `public: true` opens this surface. */
  readonly opensToPublic?: boolean;
  /** Changes every principal of this surface, from any authenticator. */
  readonly adopt?: (principal: Principal) => Principal;
}

/** A file in the JSON of a probe's call. */
export interface WrittenFile {
  readonly name: string;
  readonly mediaType: string;
  readonly base64: string;
}

export interface ProbeCall {
  readonly handler: string;
  /**
   * As a caller of the surface would send it: JSON text, or texts by name (path, query, flags). JSON has a `WrittenFile` where
   * the handler takes a file.
   */
  readonly input: { readonly json: string } | { readonly text: Readonly<Record<string, string | readonly string[]>> };
  readonly token?: string;
  /** An approval that the caller names. */
  readonly approvalId?: string;
}

/** The answer that a caller got, without the surface's own format. */
export type ProbeAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly errors: readonly { path: string; message: string }[];
    };

/** @throws {Error} by `cannotSend`, for a call that this surface has no form for. */
export type Probe = (call: ProbeCall) => Promise<ProbeAnswer>;

export const cannotSend = (message: string): Error => Object.assign(new Error(message), { [brand]: "cannot-send" as const });
export const isCannotSend = (error: unknown): boolean => isBranded(error, "cannot-send");
