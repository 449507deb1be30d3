// The option `problem` of http(), which is the project's own format of errors. Quater uses this format for routes and all other
// paths except its own paths.

import type { IncomingMessage } from "node:http";
import type { TSchema } from "../../core/index.ts";
import type { BootProblem } from "../../core/plugin-api.ts";
import { opaque } from "../../core/schema/options.ts";
import { closed, isPlainObject, type JsonSchema } from "../../core/schema/schema.ts";
import { schemaProblems } from "../../core/schema/schema-problems.ts";

/** A refused or failed call as problem details (RFC 9457). The details of the error are further members of this object. */
export interface ProblemDetails {
  readonly title: string;
  readonly status: number;
  readonly code: string;
  /** The text of the error, which people read. */
  readonly detail: string;
  readonly callId: string;
  /** The wrong fields of an input: for each field, its JSON Pointer and a sentence about the mistake. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly [detail: string]: unknown;
}

export interface ProblemFormat {
  /** The schema of the response bodies that `from` returns. */
  readonly schema: TSchema;
  /** Returns the body of an error response. This function cannot change the status of the response. */
  readonly from: (problem: ProblemDetails) => unknown;
  /** The media type of the response body. Default "application/json". */
  readonly contentType?: string;
}

const words = "{ schema, from, contentType }: a schema, a function that converts problem details to the body, and a media type";

const isFormat = (value: unknown): boolean =>
  isPlainObject(value) &&
  isPlainObject(value["schema"]) &&
  typeof value["from"] === "function" &&
  Object.keys(value).every((key) => ["schema", "from", "contentType"].includes(key)) &&
  (value["contentType"] === undefined || /^[\w.+-]+\/[\w.+-]*json$/.test(String(value["contentType"])));

export const problemOption = opaque<ProblemFormat>(words, isFormat);

export const formatProblems = (format: ProblemFormat | undefined): readonly BootProblem[] =>
  (format === undefined ? [] : schemaProblems(format.schema)).map((problem) => ({
    place: "http()",
    plugin: "http",
    cause: `The http() option problem has a schema in which ${problem}`,
    remedy: "Write the schema with Type from quater",
  }));

export const contentTypeOf = ({ contentType = "application/json" }: ProblemFormat): string => contentType;

/** Returns the closed schema of the response bodies, for the OpenAPI document and for checks of bodies. */
export const bodySchemaOf = ({ schema }: ProblemFormat): JsonSchema => closed(schema, "output") as JsonSchema;

/**
 * Returns the response body for a problem, or `undefined` if the project's format fails. If the project's format fails, callers
 * get problem details.
 */
export type Formatter = (problem: ProblemDetails) => { readonly text: string; readonly contentType: string } | undefined;

/**
 * @param check  Whether a response body matches the schema.
 * @param failed  The formatter calls this function when `from` throws, or returns a value that does not match the schema.
 */
export const formatterOf =
  (
    format: ProblemFormat,
    check: (body: unknown) => boolean,
    failed: (error: unknown, problem: ProblemDetails) => void,
  ): Formatter =>
  (problem) => {
    try {
      const text = JSON.stringify(format.from(problem));
      if (text === undefined || !check(JSON.parse(text)))
        throw new Error("The function problem.from of http() returned a body that does not match problem.schema");
      return { text, contentType: contentTypeOf(format) };
    } catch (error) {
      failed(error, problem);
      return undefined;
    }
  };

const formatters = new WeakMap<IncomingMessage, Formatter>();

/** Makes the error responses to this HTTP request use the project's format of errors. */
export const useFormat = (req: IncomingMessage, formatter: Formatter): void => void formatters.set(req, formatter);

/**
 * The problem details of HTTP requests that probes send. A probe needs the error code even if the project's format of errors has
 * no error code.
 */
const told = new Map<string, ProblemDetails>();
let probing = 0;

/** @returns The text of a problem in the format of the HTTP request, and the media type of this text. */
export const problemText = (
  req: IncomingMessage,
  problem: ProblemDetails,
): { readonly text: string; readonly contentType: string } => {
  const own = formatters.get(req)?.(problem);
  if (own === undefined) return { text: JSON.stringify(problem), contentType: "application/problem+json" };
  if (probing > 0) told.set(problem.callId, problem);
  return own;
};

/** Sends the HTTP request of a probe. @returns The response, and the problem details of the error in the response. */
export const probed = async <Answer extends { readonly callId: string }>(
  send: () => Promise<Answer>,
): Promise<Answer & { readonly refusal: ProblemDetails | undefined }> => {
  probing++;
  try {
    const answer = await send();
    return { ...answer, refusal: told.get(answer.callId) };
  } finally {
    if (--probing === 0) told.clear();
  }
};
