// Finds the keys, scopes and roles that a policy allows. The functions of a policy need the input of a call, so this file does
// not run the functions.

import type { Principal } from "../../../core/index.ts";
import { asAuthenticator } from "../../../core/model/authenticator.ts";
import type { ConfiguredPlugin, Operation } from "../../../core/plugin-api.ts";
import { keptAuth } from "../exposure/kept-auth.ts";

export interface KeyVerdict {
  readonly key: string;
  readonly id: string;
  readonly kind: string;
  readonly person: string | null;
  readonly actsFor: string | null;
  /**
   * `can`: the key may call the handler. `may`: the key has the scopes and roles, and functions of the policy decide each call.
   */
  readonly verdict: "can" | "may";
}

export interface SurfaceCallers {
  readonly surface: string;
  readonly authenticator: string | null;
  /** Whether callers on this surface need no credential. */
  readonly isPublic: boolean;
  /** The active keys that the authenticator of the surface accepts and the policy of the handler allows. */
  readonly keys: readonly KeyVerdict[];
  /** Sentences about callers of this surface that Quater cannot list. */
  readonly unknown: readonly string[];
}

export interface WhoCan {
  readonly handler: string;
  readonly auth: string;
  /** The combinations of scopes and roles that satisfy the policy. A caller needs all rights of one combination. */
  readonly combinations: readonly { readonly scopes: readonly string[]; readonly roles: readonly string[] }[];
  /** The names of the functions of the policy. These functions decide with the input of a call. */
  readonly functions: readonly string[];
  /** The people who must approve each call of the handler; `null` if calls need no approval. */
  readonly approval: string | null;
  readonly surfaces: readonly SurfaceCallers[];
}

interface Asked {
  readonly operation: Operation;
  readonly plugins: readonly ConfiguredPlugin[];
  /** The surface for which the callers are listed. Default: all surfaces of the handler. */
  readonly surface?: string | undefined;
  readonly approval: string | null;
}

export const whoCan = ({ operation, plugins, surface: only, approval }: Asked): WhoCan => {
  const { name, policy, handler } = operation;
  const { joint, parts } = keptAuth(handler.auth, policy.name);
  const scopes = parts.flatMap((part) => ("scope" in part ? part.scope : []));
  const roles = parts.flatMap((part) => ("role" in part ? part.role : []));
  const functions = parts.flatMap((part) => ("function" in part ? part.function || "a function" : []));
  const isEnough = (part: object) => "rule" in part;
  const alone = [
    ...scopes.map((scope) => ({ scopes: [scope], roles: [] })),
    ...roles.map((role) => ({ scopes: [], roles: [role] })),
    ...(parts.some(isEnough) ? [{ scopes: [], roles: [] }] : []),
  ];
  return {
    handler: name,
    auth: policy.name,
    combinations: joint === "all" ? [{ scopes, roles }] : alone,
    functions,
    approval,
    surfaces: plugins.flatMap(({ surface }) =>
      surface === undefined || !operation.surfaces.has(surface.name) || (only !== undefined && only !== surface.name)
        ? []
        : [callersOver(operation, surface, functions)],
    ),
  };
};

type Surface = NonNullable<ConfiguredPlugin["surface"]>;

const callersOver = (operation: Operation, surface: Surface, functions: readonly string[]): SurfaceCallers => {
  const authenticator = surface.authenticate === undefined ? undefined : asAuthenticator(surface.authenticate);
  const isPublic = operation.isPublic && surface.opensToPublic === true;
  const credentials = authenticator?.listed?.();
  const keys = (credentials?.known ?? []).flatMap(({ id, principal, refused, unclear }): KeyVerdict[] => {
    if (refused !== undefined || unclear !== undefined) return [];
    const caller = surface.adopt?.(principal) ?? principal;
    const verdict = verdictOn(operation, caller);
    if (verdict === undefined) return [];
    const { subject, kind, person = null, actsFor = null } = caller;
    return [{ key: subject, id, kind, person, actsFor, verdict }];
  });
  return {
    surface: surface.name,
    authenticator: authenticator?.name ?? null,
    isPublic,
    keys,
    unknown: [
      ...(functions.length === 0 || isPublic ? [] : [`Functions of the policy decide about each call: ${functions.join(", ")}`]),
      ...(authenticator !== undefined && credentials === undefined
        ? [`Quater does not know the credentials that the authenticator ${authenticator.name} accepts`]
        : (credentials?.others ?? [])),
    ],
  };
};

const verdictOn = ({ isPublic, policy }: Operation, caller: Principal): KeyVerdict["verdict"] | undefined => {
  if (isPublic || policy.allowsStatically(caller)) return "can";
  return policy.judgeStatic(caller) === undefined ? "may" : undefined;
};
