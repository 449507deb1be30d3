// Authenticators turn the credentials of a caller into a principal.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Log } from "../diagnostics/log.ts";
import { kindOf } from "../diagnostics/plugin-options.ts";
import { BootError, type BootProblem } from "../diagnostics/problem.ts";
import {
  type FactoryArguments,
  type GivenOptions,
  type OptionTable,
  type OptionValues,
  readOptions,
  tableAndMake,
  withTable,
} from "../schema/options.ts";
import { allReads, type Credentials, type Reads } from "./credentials.ts";
import type { KnownCredentials } from "./known-credentials.ts";
import type { Awaitable, Principal } from "./principal.ts";
import { readsProblems } from "./reads-problems.ts";
import { type Opened, type Uses, usesProblems } from "./resource.ts";
import type { RunMode } from "./run-mode.ts";
import type { SecretFile } from "./secret-file.ts";

/**
 * Returns the principal for the credentials of a caller. `undefined` and `null` mean that the authenticator does not know the
 * credential. If the authenticator does not know the credential, `firstOf` calls the next authenticator. Without a next
 * authenticator, Quater refuses the caller. A thrown QuaterError is the refusal, and any other error becomes
 * `authenticator_failed`.
 */
export type Authenticate = (credentials: Credentials, resources?: AppResources) => Awaitable<Principal | null | undefined>;

/**
 * Opens resources with the scope "app". The gate passes a function of the type `AppResources` to each authenticator. An
 * authenticator that calls another authenticator passes the function to the other authenticator.
 */
export type AppResources = (uses: Uses) => Promise<Readonly<Record<string, unknown>>>;

/**
 * Whether the result of an authenticator means that the authenticator does not know the credential. JavaScript code may also
 * return `false`.
 */
export const isUnknown = (found: Principal | null | undefined): found is null | undefined =>
  found === undefined || found === null || (found as unknown) === false;

export interface AuthenticatorContext {
  /** The folder of the manifest. Relative paths of files are relative to this folder. */
  readonly root: string;
  /** The run mode of the process. Quater accepts development keys only in the mode `dev`. */
  readonly mode: RunMode;
  /** The log of the process. The kernel always passes this log. */
  readonly log?: Log | undefined;
}

/**
 * An authenticator as an object, such as an authenticator that must open or check something at boot. A plain function is also a
 * valid authenticator.
 */
export interface Authenticator extends Branded<"authenticator"> {
  readonly name: string;
  /** The headers, schemes and cookies that the authenticator receives. Default: only bearer tokens. */
  readonly reads?: Reads | undefined;
  /** The app-scoped resources that this authenticator uses, and that the authenticators inside this authenticator use. */
  readonly uses?: readonly Uses[] | undefined;
  readonly authenticate: Authenticate;
  /** Quater calls `open` once, before the first call of `authenticate`. Throw a QuaterError from `open` to stop the boot. */
  readonly open?: (context: AuthenticatorContext) => Awaitable<void>;
  readonly close?: () => Awaitable<void>;
  /** The boot problems in the options of this authenticator. A project with problems does not boot. */
  readonly problems?: readonly BootProblem[] | undefined;
  /**
   * The issuers and audiences of the tokens that this authenticator accepts. Boot compares these issuers and audiences with
   * options of plugins.
   */
  readonly accepts?: readonly { readonly issuer: string; readonly audience: string }[] | undefined;
  /**
   * Whether this authenticator, or an authenticator inside this authenticator, knows only the user who started the process, and
   * no remote callers.
   */
  readonly isLocalOnly?: boolean | undefined;
  /**
   * Returns the credentials that the authenticator knows without a call, for `quater explain` and `quater who-can`. Without
   * `listed`, Quater cannot tell which credentials the authenticator accepts.
   */
  readonly listed?: (() => KnownCredentials) | undefined;
  /** The files with secrets that this authenticator reads. `quater check --gate` checks these files. */
  readonly secretFiles?: readonly SecretFile[] | undefined;
}

/**
 * An authenticator object, or only the function `authenticate`. A plain function receives bearer tokens only, because a function
 * cannot declare other headers or cookies.
 */
export type Authentication = Authenticate | Authenticator;

type Parts<Used extends Uses> = Omit<Authenticator, typeof brand | "uses" | "authenticate"> & {
  /** The app-scoped resources that the authenticator uses, such as a table of users or sessions. */
  readonly use?: Used | undefined;
  readonly authenticate: (credentials: Credentials, uses: NoInfer<Opened<Used>>) => Awaitable<Principal | null | undefined>;
};

/**
 * Makes an authenticator.
 *
 * @example
 * const sessions = authenticator({
 *   name: "sessions",
 *   reads: { cookies: ["sid"] },
 *   use: { users },
 *   authenticate: ({ cookie }, { users }) => users.bySession(cookie("sid")),
 * });
 */
// biome-ignore lint/complexity/noBannedTypes: {} is "uses nothing", and infers as such
export const authenticator = <Used extends Uses = {}>({ use, authenticate, ...parts }: Parts<Used>): Authenticator => {
  const ask = authenticate as (credentials: Credentials, uses: Readonly<Record<string, unknown>>) => ReturnType<Authenticate>;
  if (use === undefined) return checked({ ...parts, authenticate: ask && ((credentials) => ask(credentials, none)) });
  return checked({
    ...parts,
    uses: [use],
    authenticate: ask && (async (credentials, resources) => ask(credentials, await resourcesOf(parts.name, resources)(use))),
  });
};

const none = Object.freeze({});

const resourcesOf = (name: string, resources: AppResources | undefined): AppResources => {
  if (resources !== undefined) return resources;
  throw new Error(
    `The authenticator ${name} needs resources, but was called without them. Pass the second argument of your authenticate function to ${name}`,
  );
};

/**
 * Makes an authenticator that calls other authenticators. The new authenticator passes each inner authenticator only the
 * credentials that the inner authenticator reads, and the second argument of `authenticate`.
 */
export const authenticatorOver = (
  inner: readonly Authenticator[],
  { problems = [], ...parts }: Pick<Authenticator, "name" | "problems" | "authenticate" | "listed">,
): Authenticator =>
  checked({
    ...parts,
    problems: [...problems, ...inner.flatMap((one) => one.problems ?? [])],
    reads: allReads(inner.map(({ reads }) => reads)),
    uses: inner.flatMap(({ uses = [] }) => uses),
    accepts: inner.flatMap(({ accepts = [] }) => accepts),
    isLocalOnly: inner.some((one) => one.isLocalOnly === true),
    secretFiles: inner.flatMap(({ secretFiles = [] }) => secretFiles),
    open: async (context) => {
      for (const { open } of inner) await open?.(context);
    },
    close: async () => {
      for (const { close } of inner) await close?.();
    },
  });

const checked = ({ problems: known = [], ...parts }: Omit<Authenticator, typeof brand>): Authenticator => {
  const { name, reads, uses = [] } = parts;
  const given = [...known, ...readsProblems(name, reads), ...uses.flatMap((use) => useProblems(name, use))];
  const problems = typeof parts.authenticate === "function" ? given : [...given, askingNobody(name)];
  return {
    ...parts,
    ...(problems.length === 0 ? {} : { problems, reads: undefined, uses: undefined, ...refusing(problems) }),
    [brand]: "authenticator",
  };
};

/**
 * Returns a boot problem for each call-scoped resource of an authenticator. An authenticator runs before the call starts, so an
 * authenticator cannot use a resource of the call.
 */
const useProblems = (name: string, use: Uses): readonly BootProblem[] => {
  const ofCalls = Object.values(Object(use) as Uses).filter((used) => used?.scope === "call");
  const found = [
    ...usesProblems(use),
    ...ofCalls.map((used) => ({
      cause: `uses the resource ${used.name} of the scope "call"`,
      remedy: `Set scope: "app" in ${used.name}`,
    })),
  ];
  return found.map(({ cause, remedy }) => ({
    place: `authenticator ${name}`,
    cause: `The authenticator ${name} ${cause}`,
    remedy,
  }));
};

/**
 * Returns the boot problem of an authenticator that is not a function. JavaScript does not check types. Without this boot
 * problem, every call would fail.
 */
const askingNobody = (name: string): BootProblem => ({
  place: `authenticator ${name}`,
  cause: `The authenticator ${name} has no authenticate function`,
  remedy: "Write an authenticate function that takes credentials and returns a principal or undefined",
});

/**
 * Makes an authenticator with wrong options refuse every caller. Boot reports wrong options, but boot does not find an
 * authenticator that only the function of another authenticator calls.
 */
const refusing = (problems: readonly BootProblem[]): Pick<Authenticator, "open" | "authenticate"> => {
  const refuse = () => {
    throw new BootError(problems);
  };
  return { open: refuse, authenticate: refuse };
};

interface DefineAuthenticator {
  /** Makes the factory of an authenticator without options. */
  (make: () => Authenticator): () => Authenticator;
  /**
   * Makes the factory of an authenticator. With an unknown option or a wrong value of an option, the authenticator refuses every
   * caller, and the project does not boot.
   *
   * @param options  The schema of each option by the name of the option, as for `definePlugin`.
   * @param make  Returns `authenticator({ ... })`. `make` may run with defaults in place of wrong options, because boot problems
   * contain the authenticator's name.
   *
   * @example
   * export const sessions = defineAuthenticator(
   *   { find: opaque<(id: string) => Principal | undefined>("a function from a session's id to a principal") },
   *   ({ find }) =>
   *     authenticator({ name: "sessions", reads: { headers: ["x-session"] }, authenticate: ({ header }) => find(header("x-session") ?? "") }),
   * );
   */
  <const Options extends OptionTable>(
    options: Options,
    make: (options: OptionValues<Options>, given: GivenOptions<Options>) => Authenticator,
  ): (...given: FactoryArguments<GivenOptions<Options>>) => Authenticator;
}

type Make = (options: object, given: object) => Authenticator;

export const defineAuthenticator = ((first: OptionTable | Make, second?: Make) => {
  const [table, make] = tableAndMake(first, second);
  const factory = (...given: readonly unknown[]): Authenticator => {
    const { values, problems } = readOptions(table, given[0]);
    const isRight = problems("").length === 0;
    if (isRight) return make(values, Object(given[0]));
    const name = nameOf(() => make(values, {}));
    return notOne(name, problems(name));
  };
  return withTable(authenticatorFactory(factory), table);
}) as DefineAuthenticator;

/**
 * Returns the name of an authenticator for boot problems about its options. `nameOf` makes the authenticator only to read the
 * name.
 */
const nameOf = (make: () => Authenticator): string => {
  try {
    return make().name;
  } catch {
    return "an authenticator";
  }
};

/**
 * Marks a factory of authenticators. If a manifest names the factory without calling the factory, the boot problem can say that
 * parentheses are missing.
 */
export const authenticatorFactory = <Given extends readonly unknown[]>(
  factory: (...given: Given) => Authenticator,
): ((...given: Given) => Authenticator) => Object.assign(factory, { [brand]: "authenticator-factory" });

const notOne = (name: string, problems: readonly BootProblem[]): Authenticator =>
  authenticator({ name, problems, authenticate: () => undefined });

export const asAuthenticator = (given: Authentication): Authenticator => {
  if (isBranded(given, "authenticator")) return given;
  const isFactory = typeof given === "function" && (given as Partial<Branded<string>>)[brand] === "authenticator-factory";
  if (typeof given === "function" && !isFactory) return checked({ name: "function", authenticate: given });
  const cause = isFactory
    ? "an authenticator function that was not called"
    : `${kindOf(given)}, but must be an authenticator or a function`;
  const remedy = isFactory
    ? "Call the authenticator: name()"
    : "Write apiKeys() or a function of your own as authenticate. To use several authenticators, write firstOf(...)";
  return notOne("none", [{ place: "authenticate", cause: `authenticate is given ${cause}`, remedy }]);
};
