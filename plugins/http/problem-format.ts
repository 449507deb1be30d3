// The option `problem` of http(): the project's own format of errors, for routes and all other paths except Quater's own.

import type { IncomingMessage } from "node:http";
import type { TSchema } from "../../core/index.ts";
import type { BootProblem } from "../../core/plugin-api.ts";
import { opaque } from "../../core/schema/options.ts";
import { closed, isPlainObject, type JsonSchema } from "../../core/schema/schema.ts";
import { schemaProblems } from "../../core/schema/schema-problems.ts";

/** A refused or failed call as problem details (RFC 9457). Details of the error are further members. */
export interface ProblemDetails {
  readonly title: string;
  readonly status: number;
  readonly code: string;
  /** The error text for people. */
  readonly detail: string;
  readonly callId: string;
  /** The wrong fields of an input: JSON Pointers and sentences. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly [detail: string]: unknown;
}

export interface ProblemFormat {
  /** The schema of the bodies that `from` returns. */
  readonly schema: TSchema;
  /** Returns the body of an error answer. This function cannot change the status. */
  readonly from: (problem: ProblemDetails) => unknown;
  /** The media type of the body. Default "application/json". */
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

/** Returns the closed schema, for the OpenAPI document and for checks of bodies. */
export const bodySchemaOf = ({ schema }: ProblemFormat): JsonSchema => closed(schema, "output") as JsonSchema;

/** Returns the body for a problem, or `undefined` if the format fails. Callers then get problem details. */
export type Formatter = (problem: ProblemDetails) => { readonly text: string; readonly contentType: string } | undefined;

/**
 * @param check  Whether a body fits the schema.
 * @param failed  Called when `from` throws, or returns a value that does not fit the schema.
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

/** Makes the error answers to this HTTP request use the project's format. */
export const useFormat = (req: IncomingMessage, formatter: Formatter): void => void formatters.set(req, formatter);

/**
 * The problem details of HTTP requests that probes send. A probe needs the error code even if the project's format has no code.
 */
const told = new Map<string, ProblemDetails>();
let probing = 0;

/** @returns The text of a problem and its media type. */
export const problemText = (
  req: IncomingMessage,
  problem: ProblemDetails,
): { readonly text: string; readonly contentType: string } => {
  const own = formatters.get(req)?.(problem);
  if (own === undefined) return { text: JSON.stringify(problem), contentType: "application/problem+json" };
  if (probing > 0) told.set(problem.callId, problem);
  return own;
};

/** Runs a probe's HTTP request. @returns The answer, and the problem details of the error in the answer. */
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
