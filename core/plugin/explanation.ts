// The explanation of a call says which step would stop the call, and why.

import type { Presented } from "../model/credentials.ts";
import type { Principal } from "../model/principal.ts";
import type { GivenParts } from "./uploading.ts";

/** A call to explain. Nothing of it has an effect. */
export interface Explaining {
  readonly handler: string;
  readonly surface: string;
  /**
   * The caller: the name or id of a key, credentials as a surface gets them, or a principal that is only described. Quater does
   * not call functions of policies for a described principal, because a real principal has more facts.
   */
  readonly as: { readonly key: string } | { readonly credentials: Presented } | { readonly described: Principal };
  readonly given: GivenParts;
  /** The id of an approval request that the caller names. */
  readonly approvalId?: string | undefined;
  /**
   * Whether the explanation is for the caller and not for an operator. The input of a caller without the scopes and roles is then
   * not checked, because such a caller must not learn which inputs the handler takes.
   */
  readonly isForCaller?: boolean;
}

/** The steps of a call before its handler runs, in the order of the pipeline. */
export const explainedSteps = ["door", "exposure", "rights", "bind", "auth", "admit", "approve", "hold"] as const;

export interface ExplainedStep {
  readonly step: (typeof explainedSteps)[number];
  /**
   * `skipped` means that an earlier step stops the call, or that the step needs a result of a step about which Quater cannot
   * tell.
   */
  readonly verdict: "passes" | "stops" | "cannot_tell" | "skipped";
  /** The reason for the verdict as a sentence. */
  readonly why: string;
  /** The error code that the caller gets if the step stops the call. */
  readonly code?: string;
  /** The wrong fields of the input of the call. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  /** The scopes and roles of the policy that the caller does not have. */
  readonly missing?: { readonly scopes: readonly string[]; readonly roles: readonly string[] };
}

/** The explanation of a call, as JSON. */
export interface Explanation {
  readonly handler: string;
  readonly surface: string;
  /** The caller, without claims. `null` if Quater does not know the caller. */
  readonly caller: Pick<
    Principal,
    "issuer" | "subject" | "kind" | "person" | "actsFor" | "credential" | "scopes" | "roles"
  > | null;
  /**
   * `runs`: the handler would run. `stops`: a step would stop the call. `cannot_tell`: Quater cannot tell whether some step would
   * stop the call.
   */
  readonly verdict: "runs" | "stops" | "cannot_tell";
  /** The step that stops the call, or the step about which Quater cannot tell. `null` if the handler would run. */
  readonly step: ExplainedStep["step"] | null;
  readonly code: string | null;
  readonly steps: readonly ExplainedStep[];
}
