// Checks the `reads` of an authenticator at boot.

import { kindOf } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";

const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

/**
 * The headers that an authenticator cannot read. These headers do not identify the caller, and a proxy or any web page could set
 * these headers.
 */
const reservedHeaders =
  /^(?:host|origin|referer|user-agent|date|via|forwarded|x-forwarded-.*|x-real-ip|connection|keep-alive|upgrade|expect|te|trailer|transfer-encoding|content-.*|accept(?:-.*)?|sec-.*|access-control-.*|proxy-.*|set-cookie|if-.*|range|cache-control|pragma|traceparent|tracestate|x-request-id|quater-.*)$/;

/**
 * Checks the `reads` of an authenticator. @param given  The `reads` as the author of the authenticator wrote the value. @returns
 * The boot problems of the `reads`.
 */
export const readsProblems = (authenticator: string, given: unknown): readonly BootProblem[] => {
  const place = `authenticator ${authenticator}`;
  if (given === undefined) return [];
  const remedy = 'Write reads: { headers: ["x-session"] }, { schemes: ["Token"] } or { cookies: ["sid"] }';
  if (given === null || typeof given !== "object" || Array.isArray(given))
    return [
      {
        place,
        cause: `The option reads of the authenticator ${authenticator} is ${kindOf(given)}, but must be an object`,
        remedy,
      },
    ];
  return Object.entries(given).flatMap(([field, names]): BootProblem[] => {
    if (!Object.hasOwn(what, field))
      return [
        {
          place,
          cause: `The option reads of the authenticator ${authenticator} has an unknown field ${JSON.stringify(field)}`,
          remedy,
        },
      ];
    if (names === undefined) return [];
    if (!Array.isArray(names))
      return [{ place, cause: `The option reads.${field} of the authenticator ${authenticator} is not a list`, remedy }];
    return names.flatMap((name: unknown) => {
      const wrong = partProblem(field, name);
      return wrong === undefined
        ? []
        : [
            {
              place,
              cause: `In the option reads of the authenticator ${authenticator}, ${wrong[0]}`,
              remedy: wrong[1] ?? remedy,
            },
          ];
    });
  });
};

const what: Readonly<Record<string, string>> = { headers: "a header", schemes: "a scheme", cookies: "a cookie" };

/**
 * Checks one name in `reads`. @returns The cause and perhaps the remedy of the boot problem, or `undefined` for a correct name.
 */
const partProblem = (kind: string, one: unknown): readonly [cause: string, remedy?: string] | undefined => {
  const isObject = kind === "cookies" && one !== null && typeof one === "object";
  const { name, ...attributes } = (isObject ? one : { name: one }) as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || !nameForm.test(name)) return [`${JSON.stringify(name)} is not the name of ${what[kind]}`];
  const isAttribute = ([key, value]: [string, unknown]) =>
    ["path", "domain"].includes(key) && typeof value === "string" && /^[!-:<-~]+$/.test(value);
  if (!Object.entries(attributes).every(isAttribute))
    return [
      `the cookie ${name} has a wrong attribute`,
      'Write the cookie with only name, path and domain: { name: "sid", path: "/app", domain: "shop.example" }',
    ];
  if (kind !== "headers") return undefined;
  const lower = name.toLowerCase();
  if (lower === "authorization")
    return [
      "the header authorization is listed in headers",
      'List the scheme of the header Authorization: reads: { schemes: ["Bearer"] }',
    ];
  if (lower === "cookie")
    return ["the header cookie is listed in headers", 'List the cookie by its name: reads: { cookies: ["sid"] }'];
  return reservedHeaders.test(lower)
    ? [`the header ${lower} is listed, but cannot identify a caller`, "List a header that only callers set, such as x-session"]
    : undefined;
};
