// Describes for OpenAPI how callers authenticate. The description comes from the `reads` of the authenticator of http().

import { readingOf } from "../../../core/model/credentials.ts";
import { type Authentication, asAuthenticator, type Operation } from "../../../core/plugin-api.ts";

type Scheme = Readonly<Record<string, string>>;
/** A security requirement in the OpenAPI document (OpenAPI 3.1, Security Requirement Object). */
type Requirement = Readonly<Record<string, readonly never[]>>;

/** The security scheme that plugins name in their own OpenAPI entries. */
export const bearerScheme: Readonly<Record<string, Scheme>> = { bearer: { type: "http", scheme: "bearer" } };

/** Returns the security schemes of an authenticator, by name. A caller must use one of these security schemes. */
export const securitySchemes = (authenticate: Authentication | undefined): Readonly<Record<string, Scheme>> => {
  if (authenticate === undefined) return {};
  const { schemes, headers, cookies } = readingOf(asAuthenticator(authenticate).reads);
  return Object.fromEntries<Scheme>([
    ...schemes.map((scheme): [string, Scheme] => [nameOf(scheme.toLowerCase()), schemeOf(scheme)]),
    ...headers.map((name): [string, Scheme] => [nameOf(name), { type: "apiKey", in: "header", name }]),
    ...cookies.map(({ name }): [string, Scheme] => [`cookie-${nameOf(name)}`, { type: "apiKey", in: "cookie", name }]),
  ]);
};

/** Returns a valid key of a component for a text (OpenAPI 3.1, Components Object). */
const nameOf = (text: string): string => text.replaceAll(/[^A-Za-z0-9._-]/g, "-");

/**
 * The authentication schemes that IANA lists. OpenAPI also allows other authentication schemes for `http`, but tools such as
 * Prism refuse schemes that IANA does not list.
 */
const registered = new Set(
  "basic bearer concealed digest dpop gnap hoba mutual negotiate oauth privatetoken scram-sha-1 scram-sha-256 vapid".split(" "),
);

const schemeOf = (scheme: string): Scheme =>
  registered.has(scheme.toLowerCase())
    ? { type: "http", scheme: standard(scheme) }
    : { type: "apiKey", in: "header", name: "Authorization", description: `"${scheme} ", and the credential behind it` };

/** Returns `bearer` and `basic` in lower case, because OpenAPI tools search for the lower-case names. */
const standard = (scheme: string): string => (/^(?:bearer|basic)$/i.test(scheme) ? scheme.toLowerCase() : scheme);

/**
 * Returns the security requirements of one operation. A caller must fulfil one of these requirements. The requirement `{}` means
 * a call without a credential. The requirements contain no scopes, because OpenAPI tools accept scopes only for oauth2.
 */
export const securityOf = ({ isPublic }: Operation, schemes: readonly string[]): readonly Requirement[] => {
  const required = schemes.map((scheme) => ({ [scheme]: [] }));
  return isPublic && required.length > 0 ? [{}, ...required] : required;
};

/** Returns lists of scopes. A caller must have all scopes of one of these lists. `undefined` if callers need no scope. */
export const scopesOf = ({ isPublic, policy }: Operation): readonly (readonly string[])[] | undefined =>
  isPublic || policy.scopeChoices.some((scopes) => scopes.length === 0) ? undefined : policy.scopeChoices;
