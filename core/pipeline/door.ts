// The doors of the surfaces. A door is the place where Quater authenticates the callers of a surface. The door calls the
// surface's authenticator with headers or environment variables, before the surface reads the body of the request.

import { authenticatorFailed, invalidToken, isQuaterError, unauthenticated } from "../diagnostics/errors.ts";
import { kindOf } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import type { Reading } from "../diagnostics/reading.ts";
import type { Arriving } from "../model/arriving.ts";
import { type AppResources, type Authenticator, asAuthenticator, isUnknown } from "../model/authenticator.ts";
import { readingOf, Shown } from "../model/credentials.ts";
import type { Catalog, Operation } from "../model/operation.ts";
import { type Awaitable, anonymous, type Principal } from "../model/principal.ts";
import { says } from "../plugin/exposure-key.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";
import type { Surface } from "../plugin/surface.ts";
import type { JsonSchema } from "../schema/schema.ts";

export interface Door {
  readonly surface: Surface;
  readonly authenticator: Authenticator | undefined;
  /** The headers, schemes and cookies that the authenticator reads. */
  readonly reading: Reading;
}

export const doorsOf = (plugins: readonly ConfiguredPlugin[]): ReadonlyMap<string, Door> =>
  new Map(
    plugins.flatMap(({ surface }) => {
      if (surface === undefined) return [];
      const authenticator = surface.authenticate === undefined ? undefined : asAuthenticator(surface.authenticate);
      return [[surface.name, { surface, authenticator, reading: readingOf(authenticator?.reads) }] as const];
    }),
  );

/**
 * Returns the principal of the caller whose credentials arrived. The surface may change the principal.
 *
 * @param isAgain  True when Quater accepted the caller before and checks the credential again, because an operator may have
 * revoked the credential.
 * @throws {QuaterError} when the authenticator does not accept the credential.
 */
export const principalAt = (
  door: Door,
  entry: Arriving,
  operation: Operation | undefined,
  isAgain: boolean,
  resources: AppResources,
): Awaitable<Principal> => {
  const isOpen = operation?.isPublic === true && door.surface.opensToPublic === true;
  if (door.authenticator === undefined) {
    if (isOpen) return anonymous;
    throw unauthenticated(entry.surface);
  }
  let shown: Shown;
  let found: Awaitable<Principal | null | undefined>;
  try {
    shown = new Shown(entry.credentials, door.reading, isAgain);
    const { hasCookie } = shown; // Reading `hasCookie` also refuses a cookie that is given twice.
    // Only a caller without any credential becomes the anonymous principal. Quater refuses a wrong credential also on public
    // handlers.
    if (isOpen && !hasCookie && !shown.hasExplicit) return anonymous;
    found = door.authenticator.authenticate(shown, resources);
  } catch (error) {
    throw failed(error, door, entry);
  }
  // Wait for every object with a `then` function, not only for promises, so that no object with a `then` function is used as a
  // principal.
  if (typeof (found as { then?: unknown } | undefined)?.then !== "function")
    return adopted(found as Principal | null | undefined, door, shown);
  return Promise.resolve(found).then(
    (principal) => adopted(principal, door, shown),
    (error: unknown) => Promise.reject(failed(error, door, entry)),
  );
};

/** Adds the headers and cookies that the authenticator reads to a refusal, so that the caller learns which credential to send. */
const failed = (error: unknown, { reading, surface }: Door, entry: Arriving): unknown => {
  if (!isQuaterError(error)) return authenticatorFailed(entry.surface, error);
  if (error.asks !== undefined) return error;
  if (error.code === "invalid_token") return invalidToken({ ...reading, forget: [] });
  return error.code === "unauthenticated" ? unauthenticated(surface.name, { ...reading, forget: [] }) : error;
};

const adopted = (principal: Principal | null | undefined, { surface, reading }: Door, shown: Shown): Principal => {
  if (isUnknown(principal)) {
    if (shown.hasExplicit) throw invalidToken({ ...reading, forget: [] });
    // Make the browser delete an expired cookie, because the browser would send the cookie with every request.
    const forget = reading.cookies.filter(({ name }) => shown.hasCookieNamed(name));
    throw forget.length > 0 ? invalidToken({ ...reading, forget }) : unauthenticated(surface.name, { ...reading, forget });
  }
  if (!isPrincipal(principal))
    throw authenticatorFailed(surface.name, new Error(`The authenticator returned ${whatIsReturned(principal)}`));
  return surface.adopt?.(principal) ?? principal;
};

/** Whether the result of an authenticator is a principal. `null`, `false` and `true` are not principals. */
const isPrincipal = (value: Principal): boolean =>
  typeof value.issuer === "string" &&
  typeof value.subject === "string" &&
  typeof value.credential === "string" &&
  Array.isArray(value.scopes) &&
  Array.isArray(value.roles);

/**
 * Describes for the log why the result of an authenticator is not a principal. The description contains no values of the result.
 */
const whatIsReturned = (value: unknown): string => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `${kindOf(value)} instead of a principal`;
  const fields = value as Readonly<Record<string, unknown>>;
  const wrong = (isRight: (field: unknown) => boolean, needed: string) => (name: string) =>
    isRight(fields[name]) ? [] : `${name} is ${kindOf(fields[name])}, but must be ${needed}`;
  const found = [
    ...["issuer", "subject", "credential"].flatMap(wrong((field) => typeof field === "string", "a string")),
    ...["scopes", "roles"].flatMap(wrong(Array.isArray, "a list")),
  ];
  return `an object that is not a valid principal: ${found.join(", ")}`;
};

/** Returns a boot problem for each surface that exposes protected handlers and has no authenticator. */
export const doorProblems = (
  plugins: readonly ConfiguredPlugin[],
  exposures: readonly JsonSchema[],
  place: string,
): BootProblem[] => {
  const keys = plugins.flatMap(({ exposure = [] }) => exposure);
  return plugins.flatMap(({ surface, name }) => {
    if (surface === undefined) return [];
    const isOpen = (exposure: JsonSchema) => surface.opensToPublic === true && says(keys, exposure, "public");
    const guarded = exposures.filter((exposure) => Boolean(exposure[surface.name]) && !isOpen(exposure));
    if (surface.authenticate !== undefined || guarded.length === 0) return [];
    return [
      {
        place,
        plugin: name,
        cause: `${surface.exposes} are exposed, but the plugin ${surface.name}() has no authenticate option`,
        remedy: `Add the option to the plugin, for example ${surface.name}({ authenticate: apiKeys() })`,
      },
    ];
  });
};

/**
 * Checks the `authenticate` options of all surfaces. Reports a problem of an authenticator once, even if several surfaces share
 * the authenticator.
 */
export const authenticatorProblems = (plugins: readonly ConfiguredPlugin[]): readonly BootProblem[] => {
  const found = new Map<BootProblem, BootProblem>();
  for (const { surface, name } of plugins) {
    if (surface?.authenticate === undefined) continue;
    for (const problem of asAuthenticator(surface.authenticate).problems ?? [])
      if (!found.has(problem)) found.set(problem, { ...problem, place: `${problem.place} in ${name}()`, plugin: name });
  }
  return [...found.values()];
};

/**
 * Returns a boot problem for each handler with `public: true` that needs approval, lacks `auth: anyone`, or has no surface for
 * public handlers.
 */
export const publicProblems = (plugins: readonly ConfiguredPlugin[], catalog: Catalog): BootProblem[] => {
  const opening = new Set(plugins.flatMap(({ surface }) => (surface?.opensToPublic === true ? surface.name : [])));
  return catalog.operations.flatMap((operation): BootProblem[] => {
    if (!operation.isPublic) return [];
    const { place, name } = operation;
    if (!operation.policy.isAnyone)
      return [
        {
          place,
          cause: `The handler ${name} is exposed with public: true, but its policy is ${operation.policy.name}`,
          remedy: "Remove public: true from the exposure, or set auth: anyone in the handler",
        },
      ];
    if (![...operation.surfaces].some((surface) => opening.has(surface)))
      return [
        {
          place,
          cause: `The handler ${name} is exposed with public: true, but none of its surfaces supports public handlers`,
          remedy: `Expose ${name} over ${[...opening].join(", ") || "a surface that supports public handlers"}, or remove public: true from the exposure`,
        },
      ];
    if (operation.needsApproval)
      return [
        {
          place,
          cause: `The handler ${name} is exposed with public: true and with approval`,
          remedy:
            "Remove public: true or approval from the exposure. A public call has no principal, so approvers could not see the requester",
        },
      ];
    return [];
  });
};
