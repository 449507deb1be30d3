// Authenticators turn the credentials of a request into a principal.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
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
import { allReads, type Credentials, type Reads, readsProblems } from "./credentials.ts";
import type { Awaitable, Principal } from "./principal.ts";
import { type Opened, type Uses, usesProblems } from "./resource.ts";
import type { RunMode } from "./run-mode.ts";
import type { SecretFile } from "./secret-file.ts";

/**
 * Returns the caller. `undefined` and `null` mean "I do not know this credential": `firstOf` asks the next authenticator, and a
 * door refuses the caller. A throw ends both: a QuaterError is the refusal, any other error is `authenticator_failed`.
 */
export type Authenticate = (credentials: Credentials, resources?: AppResources) => Awaitable<Principal | null | undefined>;

/** Opens resources of the app. The door hands it to each authenticator; one that asks another passes it on. */
export type AppResources = (uses: Uses) => Promise<Readonly<Record<string, unknown>>>;

/** Whether an authenticator does not know the credential. JavaScript returns `false` for it, too. */
export const isUnknown = (found: Principal | null | undefined): found is null | undefined =>
  found === undefined || found === null || (found as unknown) === false;

export interface AuthenticatorContext {
  /** The folder of the manifest; relative files are under it. */
  readonly root: string;
  /** Development keys are let in by `dev` alone. */
  readonly mode: RunMode;
}

/** An authenticator that has to open or check something at boot. Without such work a plain function is enough. */
export interface Authenticator extends Branded<"authenticator"> {
  readonly name: string;
  /** The headers, schemes and cookies that it reads. It receives nothing else. Default: bearer tokens. */
  readonly reads?: Reads | undefined;
  /** Resources of the app that it reads, and those that authenticators inside it read. */
  readonly uses?: readonly Uses[] | undefined;
  readonly authenticate: Authenticate;
  /** Called once, before the first `authenticate`. Throw a QuaterError to stop the boot. */
  readonly open?: (context: AuthenticatorContext) => Awaitable<void>;
  readonly close?: () => Awaitable<void>;
  /** The problems of its options. A project with problems does not boot. */
  readonly problems?: readonly BootProblem[] | undefined;
  /** The files with secrets that it reads. `quater check --gate` checks them. */
  readonly secretFiles?: readonly SecretFile[] | undefined;
}

/** A function receives bearer tokens alone: it has no way to declare more. */
export type Authentication = Authenticate | Authenticator;

type Parts<Used extends Uses> = Omit<Authenticator, typeof brand | "uses" | "authenticate"> & {
  /** Resources of the scope "app" that it reads: a table of users or sessions. */
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
  throw new Error(`The authenticator ${name} uses resources: pass it the second argument of your own authenticate`);
};

/** Makes an authenticator that asks others. It hands them its credentials' parts and its second argument. */
export const authenticatorOver = (
  inner: readonly Authenticator[],
  { problems = [], ...parts }: Pick<Authenticator, "name" | "problems" | "authenticate">,
): Authenticator =>
  checked({
    ...parts,
    problems: [...problems, ...inner.flatMap((one) => one.problems ?? [])],
    reads: allReads(inner.map(({ reads }) => reads)),
    uses: inner.flatMap(({ uses = [] }) => uses),
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

/** At the door the caller is not known, so a resource cannot be opened for a call. */
const useProblems = (name: string, use: Uses): readonly BootProblem[] => {
  const ofCalls = Object.values(Object(use) as Uses).filter((used) => used?.scope === "call");
  const found = [
    ...usesProblems(use),
    ...ofCalls.map((used) => ({
      cause: `uses ${used.name}, which is opened for one call`,
      remedy: `Say scope: "app" in ${used.name}`,
    })),
  ];
  return found.map(({ cause, remedy }) => ({
    place: `authenticator ${name}`,
    cause: `The authenticator ${name} ${cause}`,
    remedy,
  }));
};

/** JavaScript does not check the types, and with a wrong value every call would fail. */
const askingNobody = (name: string): BootProblem => ({
  place: `authenticator ${name}`,
  cause: `The authenticator ${name} has no authenticate function`,
  remedy: "Write authenticate: (credentials) => a principal, or undefined",
});

/** An authenticator with wrong options knows nobody. The boot refuses it, but does not see it inside another authenticator. */
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
   * Makes an authenticator's factory. Given an option that it does not know, or a wrong value, what it makes lets nobody in, and
   * the project does not boot.
   *
   * @param options  As for `definePlugin`.
   * @param make  Returns `authenticator({ ... })`. It may run with defaults in the place of wrong options, to learn the name.
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

/** With wrong options only the name of the authenticator is used. */
const nameOf = (make: () => Authenticator): string => {
  try {
    return make().name;
  } catch {
    return "an authenticator";
  }
};

/** Marks a factory. If a manifest names the factory without calling it, the boot problem can say that parentheses are missing. */
export const authenticatorFactory = <Given extends readonly unknown[]>(
  factory: (...given: Given) => Authenticator,
): ((...given: Given) => Authenticator) => Object.assign(factory, { [brand]: "authenticator-factory" });

const notOne = (name: string, problems: readonly BootProblem[]): Authenticator =>
  authenticator({ name, problems, authenticate: () => undefined });

export const asAuthenticator = (given: Authentication): Authenticator => {
  if (isBranded(given, "authenticator")) return given;
  const isFactory = typeof given === "function" && (given as Partial<Branded<string>>)[brand] === "authenticator-factory";
  if (typeof given === "function" && !isFactory) return checked({ name: "function", authenticate: given });
  const cause = isFactory ? "an authenticator that was not called" : `${kindOf(given)}, and no authenticator`;
  const remedy = isFactory
    ? "Write it with parentheses: name()"
    : "Write apiKeys(), or a function of your own; several go into firstOf(...)";
  return notOne("none", [{ place: "authenticate", cause: `authenticate is given ${cause}`, remedy }]);
};
