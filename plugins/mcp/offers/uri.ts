// Parses the URIs and URI templates of MCP resources (RFC 6570 level 1), and matches URIs of requests with the templates.

import type { KeyProblem } from "../../../core/plugin/exposure-key.ts";

/** A parsed URI, or a parsed template for URIs. */
export interface UriPattern {
  readonly text: string;
  /** The names of the variables in the template. Empty for a URI. */
  readonly variables: readonly string[];
  /**
   * The text of the URI or template with every variable replaced by `{}`. Two patterns with the same shape match the same URIs.
   */
  readonly shape: string;
  /** Returns the decoded values of the variables in a URI, or `undefined` if the URI does not match the pattern. */
  match(uri: string): Readonly<Record<string, string>> | undefined;
  /** Returns the URI in which the variables have the given values. Each variable must have a value that is not empty. */
  expand(values: Readonly<Record<string, string>>): string;
}

/** The longest URI of an MCP resource, characters. */
const longestUri = 4_096;

const scheme = /^[a-z][a-z0-9+.-]*:/;
const literal = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
/** A pattern that matches a character which the expanded value of a variable cannot contain. */
const separating = /[:/?#[\]@!$&'()*+,;=]/;
const expression = /\{([^{}]*)\}/;
const variable = /^[A-Za-z_][A-Za-z0-9_]*$/;
/**
 * A pattern that matches the expanded value of a variable. In an expanded value, all characters that are not unreserved are
 * percent-encoded (RFC 6570 section 3.2.2).
 */
const value = "((?:[A-Za-z0-9\\-._~]|%[0-9A-Fa-f]{2})+)";

/** Returns the pattern of a URI or template, or the reason why the text is neither a URI nor a template. */
export const uriPatternOf = (text: string): UriPattern | KeyProblem => {
  const parts = text.split(expression); // Literals at even indexes, and names of variables at odd indexes.
  const literals = parts.filter((_, at) => at % 2 === 0);
  const variables = parts.filter((_, at) => at % 2 === 1);
  const quoted = JSON.stringify(text);
  const example = 'Write a URI such as "shop://terms", or a template such as "order://{orderId}"';
  if (!scheme.test(text))
    return { cause: `${quoted} does not begin with a scheme in lower case, such as "order:"`, remedy: example };
  if (text.length > longestUri)
    return { cause: `a URI of ${text.length} characters`, remedy: `Write at most ${longestUri} characters` };
  const odd = variables.find((name) => !variable.test(name));
  if (odd !== undefined)
    return {
      cause: `${quoted} has the expression {${odd}}, which is not the name of a variable`,
      remedy: "Write the name of an input field in braces, without operators such as + or ?",
    };
  if (literals.some((part) => !literal.test(part)))
    return { cause: `${quoted} has a character that a URI must not have`, remedy: "Write such characters percent-encoded" };
  const twice = variables.find((name, at) => variables.indexOf(name) !== at);
  if (twice !== undefined) return { cause: `${quoted} has the variable {${twice}} twice`, remedy: "Write each variable once" };
  if (literals.slice(1, -1).some((part) => !separating.test(part)))
    return {
      cause: `${quoted} has two variables without a separator between them`,
      remedy: 'Write a character such as "/" between the variables',
    };
  const expected = new RegExp(`^${literals.map(escaped).join(value)}$`);
  return {
    text,
    variables,
    shape: literals.join("{}"),
    match: (uri) => {
      if (uri.length > longestUri) return undefined;
      const found = expected.exec(uri)?.slice(1);
      try {
        return found && Object.fromEntries(found.map((given, at) => [variables[at], decodeURIComponent(given)]));
      } catch {
        return undefined; // The percent-encoded bytes are not UTF-8.
      }
    },
    expand: (values) => literals.map((part, at) => part + encoded(values[variables[at] as string])).join(""),
  };
};

export const isUriPattern = (read: UriPattern | KeyProblem): read is UriPattern => "shape" in read;

const escaped = (part: string): string => part.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** Percent-encodes all characters of a text that RFC 3986 does not list as unreserved. */
const encoded = (given = ""): string =>
  encodeURIComponent(given).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
