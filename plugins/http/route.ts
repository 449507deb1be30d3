// The exposure key `http`, which contains the route of a handler. The compiler checks a route against the handler's input, and
// boot checks the route again.

import { type Static, Type } from "../../core/index.ts";
import { readingOf } from "../../core/model/credentials.ts";
import { exposureKey, type KeyProblem } from "../../core/plugin/exposure-key.ts";
import { type Authentication, asAuthenticator, type BootProblem, type Operation, type Refused } from "../../core/plugin-api.ts";
import { fileFieldsOf } from "../../core/schema/file.ts";
import { isSecretField, propertiesOf } from "../../core/schema/schema.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type RouteText = `${Method} /${string}`;

export interface RouteDetails {
  readonly route: RouteText;
  /** The status of a success response. Default 200. */
  readonly status?: number;
  /**
   * Inputs that the route reads only from a header or cookie: `{ traceId: "header:x-trace-id" }`. Callers can send any value in a
   * header or cookie.
   */
  readonly bind?: Readonly<Record<string, `header:${string}` | `cookie:${string}`>>;
  /** The envelope key of the request body: with "article", clients send `{ "article": { ... } }` without other keys. */
  readonly body?: string;
  /** The envelope key of the response body: with "article", clients get `{ "article": ... }`. */
  readonly answer?: string;
  /**
   * With "drop", the route ignores unknown fields of the body and the query at the top level. Without "drop", the route refuses
   * unknown fields. Boot refuses "drop" for destructive handlers and for handlers with approval.
   */
  readonly extra?: "drop";
  /**
   * The header `Cache-Control` of a success. Default: "no-store" for callers with a credential, and no header for other callers.
   */
  readonly cache?: string;
  /** A short title of the route in the OpenAPI document. Default: the first sentence of the handler's description. */
  readonly summary?: string;
  /** The group of the route in the OpenAPI document. Default: the name of the handler's module. */
  readonly tag?: string;
  /** Whether the OpenAPI document marks the route as deprecated. The server runs calls of a deprecated route as before. */
  readonly deprecated?: boolean;
  /**
   * Whether the route also accepts HTML forms: `application/x-www-form-urlencoded` and `multipart/form-data`. Default: only if
   * an input is a file.
   */
  readonly forms?: boolean;
}

export type Route = RouteText | RouteDetails;

type Params<Path extends string> = Path extends `${string}/:${infer Rest}`
  ? Rest extends `${infer Name}/${infer After}`
    ? Name | Params<`/${After}`>
    : Rest
  : never;

/** A compile-time check that every path parameter is an input. */
export type RouteRule<Input, Given> = Given extends `${Method} ${infer Path}`
  ? [Exclude<Params<Path>, keyof Input>] extends [never]
    ? Given
    : Refused<`Path parameter :${Exclude<Params<Path>, keyof Input>} is not a property of the handler's input`>
  : Given extends { readonly route: infer Text }
    ? {
        readonly [Key in keyof Given]: Key extends "route"
          ? RouteRule<Input, Text>
          : Key extends keyof RouteDetails
            ? RouteDetails[Key]
            : Refused<`An http exposure has no option ${Key & string}`>;
      }
    : Route;

const text = Type.String({ pattern: "^(GET|POST|PUT|PATCH|DELETE) /[^?# ]*$" });

const envelope = Type.Optional(Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_-]{0,63}$" }));

const routeSchema = Type.Union([
  text,
  Type.Object(
    {
      route: text,
      status: Type.Optional(Type.Integer({ minimum: 200, maximum: 299 })),
      forms: Type.Optional(Type.Boolean()),
      bind: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: "^(header|cookie):[A-Za-z0-9_-]+$" }))),
      body: envelope,
      answer: envelope,
      extra: Type.Optional(Type.Literal("drop")),
      cache: Type.Optional(Type.String({ pattern: "^[a-z][a-z0-9=, -]{0,199}$" })),
      summary: Type.Optional(Type.String({ minLength: 1, maxLength: 120 })),
      tag: Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
      deprecated: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
]);

export interface BoundInput {
  readonly name: string;
  readonly from: "header" | "cookie";
  /** The name of the header or cookie, written as in the manifest. */
  readonly source: string;
  /** The name of the header in lower case, or the unchanged name of the cookie. */
  readonly key: string;
}

/**
 * Whether a route reads inputs without another place from the body. With GET and DELETE, the route reads these inputs from the
 * query.
 */
export const takesBody = (method: Method): boolean => method !== "GET" && method !== "DELETE";

/** A route after Quater has parsed the route. */
export interface RoutePlan {
  /** The text of the route, written as in the manifest: `GET /orders/:id`. */
  readonly route: string;
  readonly method: Method;
  readonly path: string;
  readonly params: readonly string[];
  readonly status: number;
  readonly bound: readonly BoundInput[];
  /** The envelope keys of the request body and of the response body. */
  readonly body: string | undefined;
  readonly answer: string | undefined;
  readonly dropsExtra: boolean;
  readonly cache: string | undefined;
  readonly takesForms: boolean;
  /** The texts about the route that only the OpenAPI document uses. */
  readonly words: Pick<RouteDetails, "summary" | "tag" | "deprecated">;
}

const planOf = (given: Static<typeof routeSchema>): RoutePlan => {
  const {
    route,
    status = 200,
    bind = {},
    body,
    answer,
    extra,
    cache,
    forms = false,
    ...words
  } = typeof given === "string" ? { route: given } : given;
  const [method, path = "/"] = route.split(" ");
  return {
    route,
    method: method as Method,
    path,
    params: path.split("/").flatMap((segment) => (segment.startsWith(":") ? segment.slice(1) : [])),
    status,
    bound: Object.entries(bind).map(([name, source]) => {
      const from = source.startsWith("header:") ? "header" : "cookie";
      const key = source.slice(from.length + 1);
      return { name, from, source: key, key: from === "header" ? key.toLowerCase() : key };
    }),
    body,
    answer,
    dropsExtra: extra === "drop",
    cache,
    takesForms: forms,
    words,
  };
};

/** Returns the path that clients send for a route: the prefix of all routes, followed by the path of the route. */
export const pathUnder = (prefix: string, path: string): string => (path === "/" && prefix !== "" ? prefix : prefix + path);

/** Matches the paths of Quater itself, and of the plugins that Quater includes. */
const reserved = /^\/(?:health|ready|openapi\.json|docs|mcp|approvals|__quater__|\.well-known)(?:\/|$)/;
/** Whether the URL is a path of Quater itself. @param url  A path, with or without a query. */
export const isOwnPath = (url: string): boolean => reserved.test(url.split("?", 1)[0] ?? "");
/** Matches texts that a path in normal form cannot contain, or can contain only as data. */
const notNormal = /[%\\]|\/\/|\/\.\.?(?:\/|$)/;
/**
 * Headers that a route cannot bind to an input. These headers are credentials or belong to HTTP, so an input could forge or leak
 * the values of these headers.
 */
const notForInputs = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "host",
  "origin",
  "content-length",
  "transfer-encoding",
]);

/** The statuses whose responses have no body (RFC 9110 15.3.5 and 15.3.6). */
export const bodiless: ReadonlySet<number> = new Set([204, 205]);

/** Whether the handler declares that it returns nothing. A handler without an output schema may return anything. */
const isEmpty = ({ output, isStream }: Operation): boolean => !isStream && output?.["type"] === "null";

/**
 * Returns a boot problem for each input to which a route binds a credential. The credential would reach the handler, the trail
 * and the approvers.
 */
export const credentialInputs = (authenticate: Authentication | undefined, operations: readonly Operation[]): BootProblem[] => {
  if (authenticate === undefined) return [];
  const { headers, cookies } = readingOf(asAuthenticator(authenticate).reads);
  return operations.flatMap((operation) => {
    const { name: handler, place } = operation;
    return (httpKey.of(operation)?.bound ?? []).flatMap(({ name: input, from, source, key }): BootProblem[] => {
      const isRead = from === "header" ? headers.includes(key) : cookies.some(({ name }) => name === key);
      if (!isRead) return [];
      const cause = `In the route of ${handler}, bind.${input} reads the ${from} ${source}, but the authenticator of http() reads this ${from} as a credential`;
      return [{ place, plugin: "http", cause, remedy: `Bind ${input} to another ${from}, or use principal in the handler` }];
    });
  });
};

/** Returns the problems of a route's envelopes, of its option `extra` and of its option `cache`. */
const shapeProblems = (plan: RoutePlan, operation: Operation): KeyProblem[] => {
  const { method, status, body, answer, dropsExtra, cache } = plan;
  const found: KeyProblem[] = [];
  const say = (cause: string, remedy: string) => found.push({ cause: `In the route of ${operation.name}, ${cause}`, remedy });
  if (body !== undefined && !takesBody(method))
    say(`body: "${body}" needs a request body, but ${method} takes no body`, "Remove body from the exposure, or use POST");
  if (answer !== undefined && (operation.isStream || bodiless.has(status)))
    say(
      `answer: "${answer}" needs one value, but ${operation.isStream ? "the handler returns a stream" : `the status ${status} has no body`}`,
      "Remove answer from the exposure",
    );
  if (dropsExtra && operation.handler.effect === "destructive")
    say(
      'extra: "drop" is not allowed for a destructive handler',
      "Remove extra from the exposure, so that a call with a misspelt field is refused",
    );
  if (dropsExtra && operation.needsApproval)
    say(
      'extra: "drop" is not allowed together with approval',
      "Remove extra from the exposure, because approvers must see all fields that the caller sent",
    );
  if (dropsExtra && ((operation.input["additionalProperties"] ?? false) !== false || "patternProperties" in operation.input))
    say(
      'extra: "drop" needs a list of inputs, but the input schema accepts any field',
      "Remove extra from the exposure, or list the input fields in Type.Object({ ... })",
    );
  if (cache !== undefined && !operation.isPublic && /\b(?:public|s-maxage)\b/.test(cache))
    say(
      `cache: "${cache}" lets shared caches send the response of one caller to other callers`,
      'Write cache: "private, max-age=60", or expose the handler with public: true',
    );
  return found;
};

/** Returns the problems of the forms and files of a route. */
const fileProblems = ({ method, params, bound, body, takesForms }: RoutePlan, operation: Operation): KeyProblem[] => {
  const files = fileFieldsOf(operation.input);
  const found: KeyProblem[] = [];
  const say = (cause: string, remedy: string) => found.push({ cause: `In the route of ${operation.name}, ${cause}`, remedy });
  const [file] = files;
  if (takesForms && !takesBody(method))
    say(`forms need a request body, but ${method} takes no body`, "Remove forms from the exposure, or use POST");
  if (body !== undefined && (takesForms || file !== undefined))
    say(
      `body: "${body}" is not allowed for forms, because the fields of a form cannot be under a key`,
      "Remove body from the exposure, or remove forms and the file inputs",
    );
  if (file !== undefined && !takesBody(method))
    say(`the input ${file.name} is a file, but ${method} takes no body`, "Use POST, PUT or PATCH for this route");
  for (const { name } of files)
    if (params.includes(name) || bound.some((one) => one.name === name))
      say(`the input ${name} is a file, but files come only from the request body`, `Remove ${name} from the path and from bind`);
  return found;
};

/** Returns the problems of a route on this handler that the schema of the exposure key cannot find. */
const routeProblems = (plan: RoutePlan, operation: Operation): KeyProblem[] => {
  const { method, path, params, bound, status } = plan;
  const found = [...shapeProblems(plan, operation), ...fileProblems(plan, operation)];
  const inputs = new Set(Object.keys(propertiesOf(operation.input)));
  const say = (cause: string, remedy: string) => found.push({ cause: `In the route of ${operation.name}, ${cause}`, remedy });
  for (const name of params) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      say(
        `"/:${name}" is not a valid name of a path parameter`,
        "Use only letters, digits and _ in the name of the path parameter, and begin with a letter or _: /orders/:orderId",
      );
    else if (!inputs.has(name))
      say(
        `path parameter :${name} is not a property of the handler's input`,
        `The inputs of the handler are ${[...inputs].join(", ") || "(none)"}`,
      );
  }
  const half = path.split("/").find((segment) => segment.indexOf(":") > 0);
  if (half !== undefined)
    say(
      `"/${half}" has a path parameter in a part of the segment`,
      "Write the path parameter as a whole segment: /orders/:orderId",
    );
  if (path.includes("*"))
    say(`the path ${path} has a wildcard`, "Write each segment of the path, with path parameters such as :orderId");
  if (notNormal.test(path))
    say(
      `no request matches the path ${path}, because the server normalises the path of each request`,
      "Write the path without percent signs, backslashes, empty segments, and the segments . and ..",
    );
  if (reserved.test(path)) say(`Quater itself uses the path ${path}`, "Choose another path for the route");
  if (method === "GET" && operation.handler.effect !== "read") {
    say(
      `GET is not allowed for a handler whose effect is "${operation.handler.effect}"`,
      "Use POST, because clients and caches may repeat a GET request",
    );
  }
  for (const name of inputs) {
    const place = params.includes(name) ? "path" : takesBody(method) || bound.some((input) => input.name === name) ? "" : "query";
    if (place === "" || !isSecretField(operation.input, name)) continue;
    const header = `x-${name.toLowerCase().replaceAll("_", "-")}`;
    say(
      `the input ${name} is a secret and would come from the ${place}, but proxies and servers log URLs`,
      `Use POST, so that ${name} comes from the body. Or read ${name} from a header with bind: { ${name}: "header:${header}" }`,
    );
  }
  if (bodiless.has(status) && !isEmpty(operation))
    say(
      `a response with the status ${status} has no body, so the handler's output would be lost`,
      "Choose another status, such as 200, or declare output: Type.Null() in the handler and return null",
    );
  for (const { name, from, key } of bound) {
    if (!inputs.has(name))
      say(
        `bind.${name} is not a property of the handler's input`,
        `The inputs of the handler are ${[...inputs].join(", ") || "(none)"}`,
      );
    if (params.includes(name))
      say(
        `the input ${name} is a path parameter and is also bound to a ${from}`,
        `Remove ${name} from the path, or remove its binding to the ${from}`,
      );
    if (from === "header" && notForInputs.has(key))
      say(
        `bind.${name} reads the header ${key}, which is reserved for credentials or for HTTP itself`,
        "Bind the input to another header",
      );
  }
  return found;
};

export const httpKey = exposureKey("http", routeSchema, {
  remedy: 'Write http as "GET /path", or as an object: { route, status?, bind?, body?, answer?, extra?, cache?, forms? }',
  check: (given, operation) => routeProblems(planOf(given), operation),
  resolve: planOf,
});

export const publicKey = exposureKey("public", Type.Boolean(), { owner: "http", means: "public" });
