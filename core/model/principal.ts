// Who calls. A principal is made by an authenticator at a surface's door and never by anything the caller says in a
// body, a header that is not a credential, or metadata.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import { forbidden } from "../diagnostics/errors.ts";
import { kindOf } from "../diagnostics/plugin-options.ts";
import { BootError, type BootProblem } from "../diagnostics/problem.ts";
import {
  type FactoryArguments,
  type GivenOptions,
  type OptionTable,
  type OptionValues,
  readOptions,
  withTable,
} from "../schema/options.ts";
import { type Credentials, type Reads, readsProblems } from "./credentials.ts";
import type { RunMode } from "./run-mode.ts";
import type { SecretFile } from "./secret-file.ts";

export type Awaitable<Value> = Value | Promise<Value>;

/** Goes on at once where there is nothing to wait for: most checks answer at once, and every wait costs each call. */
export const andThen = <Value, Next>(value: Awaitable<Value>, next: (value: Value) => Awaitable<Next>): Awaitable<Next> =>
  value instanceof Promise ? value.then(next) : next(value);

/** Any thenable, not only a promise: what is to be waited for must never be taken for a value. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";

export interface Principal {
  /** Who vouches: "keys", "local", a token's issuer. With `subject` it names one principal. */
  readonly issuer: string;
  readonly subject: string;
  readonly kind: "user" | "service" | "agent" | "operator";
  /** The app-wide name of the human this is, for people. */
  readonly person?: string;
  /** The person an agent or service works for. */
  readonly actsFor?: string;
  /** Which credential was shown: an id, never the secret. */
  readonly credential: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** What else the authenticator knows; plain JSON. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The caller of a public handler who showed no credential. */
export const anonymous: Principal = Object.freeze({
  issuer: "quater",
  subject: "anonymous",
  kind: "user",
  credential: "none",
  scopes: Object.freeze([]),
  roles: Object.freeze([]),
  claims: Object.freeze({}),
});

export const isAnonymous = (principal: Principal): boolean =>
  principal.issuer === anonymous.issuer && principal.subject === anonymous.subject;

/**
 * Returns the person who calls, for comparing owners.
 *
 * Only `person` counts. An agent that acts for a person has none: decide for yourself whether `actsFor` may do the same.
 *
 * @throws {QuaterError} `forbidden` when the caller is not a person, so that two missing names are never equal.
 */
export const personOf = ({ person }: Principal): string =>
  typeof person === "string" && person !== "" ? person : forbidden("Only a person may call this");

/**
 * Returns the caller. `undefined` and `null` mean "I do not know this credential": `firstOf` asks the next authenticator, and a
 * door refuses the caller. A throw ends both: a QuaterError is the refusal, any other error is `authenticator_failed`.
 */
export type Authenticate = (credentials: Credentials) => Awaitable<Principal | null | undefined>;

/** Whether an authenticator does not know the credential. JavaScript returns `false` for it, too. */
export const isUnknown = (found: Principal | null | undefined): found is null | undefined =>
  found === undefined || found === null || (found as unknown) === false;

export interface AuthenticatorContext {
  /** The folder of the manifest; relative files are under it. */
  readonly root: string;
  /** Development keys are let in by `dev` alone. */
  readonly mode: RunMode;
}

/** An authenticator with something to open or check at boot; a plain function does where there is nothing. */
export interface Authenticator extends Branded<"authenticator"> {
  readonly name: string;
  /** What it reads of a request, and all that it receives. Default: bearer tokens. */
  readonly reads?: Reads | undefined;
  readonly authenticate: Authenticate;
  /** Called once, before the first `authenticate`. Throw a QuaterError to stop the boot. */
  readonly open?: (context: AuthenticatorContext) => Awaitable<void>;
  readonly close?: () => Awaitable<void>;
  /** What is wrong with its options. With any the project does not boot. */
  readonly problems?: readonly BootProblem[] | undefined;
  /** The files with secrets that it reads. `quater check --gate` checks them. */
  readonly secretFiles?: readonly SecretFile[] | undefined;
}

/** A function receives bearer tokens alone: it has no way to declare more. */
export type Authentication = Authenticate | Authenticator;

type Parts = Omit<Authenticator, typeof brand>;

/**
 * Makes an authenticator.
 *
 * @example
 * const sessions = authenticator({
 *   name: "sessions",
 *   reads: { cookies: ["sid"] },
 *   authenticate: ({ cookie }) => findSession(cookie("sid")),
 * });
 */
export const authenticator = ({ problems: known = [], ...parts }: Parts): Authenticator => {
  const given = [...known, ...readsProblems(parts.name, parts.reads)];
  const problems = typeof parts.authenticate === "function" ? given : [...given, askingNobody(parts.name)];
  return {
    ...parts,
    ...(problems.length === 0 ? {} : { problems, reads: undefined, ...refusing(problems) }),
    [brand]: "authenticator",
  };
};

/** JavaScript lets it through, and then every call fails. */
const askingNobody = (name: string): BootProblem => ({
  place: `authenticator ${name}`,
  cause: `The authenticator ${name} has no authenticate function`,
  remedy: "Write authenticate: (credentials) => a principal, or undefined",
});

/** The boot is refused before these are asked; but another authenticator may have this one inside, where no boot sees it. */
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
  const [table, make] = typeof first === "function" ? [{}, first] : [first, second as Make];
  const factory = (...given: readonly unknown[]): Authenticator => {
    const { values, problems } = readOptions(table, given[0]);
    const isRight = problems("").length === 0;
    if (isRight) return make(values, Object(given[0]));
    const name = nameOf(() => make(values, {}));
    return notOne(name, problems(name));
  };
  return withTable(authenticatorFactory(factory), table);
}) as DefineAuthenticator;

/** With wrong options nothing is let in by what is made; only its name is read. */
const nameOf = (make: () => Authenticator): string => {
  try {
    return make().name;
  } catch {
    return "an authenticator";
  }
};

/** Marks a factory, so that the boot problem says so where its parentheses are missing. */
export const authenticatorFactory = <Given extends readonly unknown[]>(
  factory: (...given: Given) => Authenticator,
): ((...given: Given) => Authenticator) => Object.assign(factory, { [brand]: "authenticator-factory" });

const notOne = (name: string, problems: readonly BootProblem[]): Authenticator =>
  authenticator({ name, problems, authenticate: () => undefined });

export const asAuthenticator = (given: Authentication): Authenticator => {
  if (isBranded(given, "authenticator")) return given;
  const isFactory = typeof given === "function" && (given as Partial<Branded<string>>)[brand] === "authenticator-factory";
  if (typeof given === "function" && !isFactory) return authenticator({ name: "function", authenticate: given });
  const cause = isFactory ? "an authenticator that was not called" : `${kindOf(given)}, and no authenticator`;
  const remedy = isFactory
    ? "Write it with parentheses: name()"
    : "Write apiKeys(), or a function of your own; several go into firstOf(...)";
  return notOne("none", [{ place: "authenticate", cause: `authenticate is given ${cause}`, remedy }]);
};
