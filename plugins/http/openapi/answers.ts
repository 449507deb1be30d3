// Describes the responses of a route for OpenAPI: the success response, each refusal with its schema, and the links of the
// response with status 428.

import type { JsonSchema, Operation } from "../../../core/plugin-api.ts";
import { fileAnswerRulesOf, textTypeOf } from "../../../core/schema/file-answer.ts";
import { statusOfKind } from "../refusals.ts";
import { bodiless, type RoutePlan, takesBody } from "../route.ts";
import { type Components, reference } from "./components.ts";

const text = { type: "string" } as const;

/**
 * The schema of problem details (RFC 9457). Members of problem details that this schema does not list are the details of an
 * error.
 */
export const problemSchema = {
  type: "object",
  description: "A refused or failed call (RFC 9457)",
  required: ["title", "status", "code", "detail", "callId"],
  properties: {
    title: { ...text, description: "The name of the HTTP status" },
    status: { type: "integer", minimum: 400, maximum: 599 },
    code: { ...text, description: "A stable code for programs" },
    detail: { ...text, description: "A description for people" },
    callId: { ...text, description: "The id of the call in the server's log and in the trail" },
    errors: {
      type: "array",
      description: "The invalid fields of the input",
      items: {
        type: "object",
        required: ["path", "message"],
        properties: { path: { ...text, description: "A JSON Pointer into the input" }, message: text },
      },
    },
    approval: {
      type: "object",
      description: "The approval request of this call, if the call needs approval",
      required: ["id"],
      properties: {
        id: {
          ...text,
          description: "The id of the approval request. Send the id in the header Quater-Approval when you repeat the call",
        },
        status: text,
        url: { ...text, format: "uri", description: "The URL of the page on which approvers decide the request" },
        expiresAt: { ...text, format: "date-time" },
      },
    },
  },
};

/** The schema of the body of a response with the status 428. */
export const approvalRequiredSchema = {
  description: "The call needs an approval before it can run",
  allOf: [reference("Problem"), { type: "object", required: ["approval"] }],
};

/** The headers of responses, by their names in the components of the OpenAPI document. */
export const answerHeaders: Readonly<Record<string, object>> = {
  CallId: { description: "The id of the call in the server's log and in the trail", schema: text },
  RetryAfter: { description: "Seconds until the call may be repeated", schema: { type: "integer", minimum: 0 } },
  Challenge: { description: "How to authenticate (RFC 9110 11.6.1)", schema: text },
};

const header = (name: string) => ({ $ref: `#/components/headers/${name}` });
const everyAnswer = { "X-Request-Id": header("CallId") };

const refusal = (description: string, schema: object = reference("Problem"), headers: object = {}) => ({
  description,
  headers: { ...everyAnswer, ...headers },
  content: { "application/problem+json": { schema } },
});

const retryAfter = { "Retry-After": header("RetryAfter") };

/** The responses for general refusals, by their names in the components of the OpenAPI document. */
export const sharedAnswers: Readonly<Record<string, object>> = {
  BadRequest: refusal("The request cannot be read"),
  Unauthenticated: refusal("The credential is missing or wrong", undefined, { "WWW-Authenticate": header("Challenge") }),
  Forbidden: refusal("The caller is not allowed to make this call"),
  NotFound: refusal("The resource or the route does not exist"),
  Conflict: refusal("The current state does not allow the call"),
  TooLarge: refusal("The body is too large"),
  UnsupportedMediaType: refusal("The body is not JSON"),
  InvalidInput: refusal("The input does not match its schema"),
  RateLimited: refusal("The caller sent too many calls", undefined, retryAfter),
  Failed: refusal("The call failed, or its outcome is unknown"),
  Unavailable: refusal("The server cannot handle the call right now", undefined, retryAfter),
  Refused: refusal("Refused or failed"),
};

const shared = (name: keyof typeof sharedAnswers & string) => ({ $ref: `#/components/responses/${name}` });

/** Returns the responses for the general refusals of a route, by status. */
const generalAnswers = (operation: Operation, plan: RoutePlan, hasCredentials: boolean): Record<string, object> => ({
  400: shared("BadRequest"),
  ...(hasCredentials ? { 401: shared("Unauthenticated") } : {}),
  ...(operation.policy.isAnyone && !operation.needsApproval ? {} : { 403: shared("Forbidden") }),
  ...(plan.params.length > 0 ? { 404: shared("NotFound") } : {}),
  ...(operation.needsApproval ? { 409: shared("Conflict") } : {}),
  ...(takesBody(plan.method) ? { 413: shared("TooLarge"), 415: shared("UnsupportedMediaType") } : {}),
  422: shared("InvalidInput"),
  429: shared("RateLimited"),
  500: shared("Failed"),
  503: shared("Unavailable"),
});

/** Describes a refusal with the handler's error codes. The description also allows the general error codes of the same status. */
const refusedWith = (codes: readonly string[], sentence: string): object => {
  const code = { anyOf: [{ type: "string", enum: codes }, text] };
  const schema = { allOf: [reference("Problem"), { type: "object", properties: { code } }] };
  return refusal(`${sentence}. Codes of this handler: ${codes.join(", ")}`, schema);
};

/**
 * Returns the responses by status for the handler's error codes that `problem()` made. An error code that a handler lists as text
 * has no status.
 */
const ownAnswers = ({ problems }: Operation): Readonly<Record<string, object>> => {
  const byStatus = new Map<number, string[]>();
  for (const { code, kind } of problems) {
    if (kind === undefined) continue;
    const status = statusOfKind[kind];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, codes]) => [status, refusedWith(codes, "Refused")]));
};

const otherAnswer = ({ problems }: Operation): object => {
  const codes = problems.filter(({ kind }) => kind === undefined).map(({ code }) => code);
  return codes.length === 0 ? shared("Refused") : refusedWith(codes, "Refused or failed");
};

/** The OpenAPI operations on the caller's own approval request. The approval plugin describes these operations. */
const followUps = {
  getOwnApproval: "Returns the state of the approval request",
  cancelOwnApproval: "Cancels the approval request",
} as const;

const approvalId = "$response.body#/approval/id";

const approvalAnswer = ({ name }: Operation, described: ReadonlySet<string>): object => {
  const asked = Object.entries(followUps).filter(([operationId]) => described.has(operationId));
  return {
    ...refusal(sentenceOfApproval, reference("ApprovalRequired")),
    links: {
      repeat: {
        operationId: name,
        parameters: { "header.Quater-Approval": approvalId },
        description: "Repeats the call after the approval",
      },
      ...Object.fromEntries(
        asked.map(([operationId, description]) => [operationId, { operationId, parameters: { id: approvalId }, description }]),
      ),
    },
  };
};

const sentenceOfApproval = "This exact call needs an approval before it can run";

export interface AnswersOf {
  readonly operation: Operation;
  readonly plan: RoutePlan;
  readonly components: Components;
  readonly hasCredentials: boolean;
  /** The ids of the OpenAPI operations that plugins describe. */
  readonly described: ReadonlySet<string>;
}

/** @returns The responses of an OpenAPI operation, by status. */
export const answersOf = (of: AnswersOf): object => {
  const { operation, plan, hasCredentials, described } = of;
  const success = { description: "Done", headers: everyAnswer };
  return {
    [plan.status]: bodiless.has(plan.status) ? success : { ...success, content: contentOf(of) },
    ...generalAnswers(operation, plan, hasCredentials),
    ...(operation.needsApproval ? { [statusOfKind.approval_required]: approvalAnswer(operation, described) } : {}),
    ...ownAnswers(operation),
    default: otherAnswer(operation),
  };
};

/** Returns the schema of an envelope with the key `key`. */
export const underKey = (key: string, schema: object): object => ({
  type: "object",
  required: [key],
  properties: { [key]: schema },
  additionalProperties: false,
});

const contentOf = ({ operation, plan, components }: AnswersOf): object => {
  const { output = {}, isStream, name } = operation;
  const answered = fileAnswerRulesOf(output);
  const binary = { ...text, format: "binary" };
  if (answered !== undefined) return Object.fromEntries(answered.mediaTypes.map((type) => [type, { schema: binary }]));
  const textType = isStream ? undefined : textTypeOf(output);
  if (textType !== undefined) return { [textType]: { schema: text } };
  const schema: JsonSchema = components.publish(output, "output", name);
  if (!isStream) return { "application/json": { schema: plan.answer === undefined ? schema : underKey(plan.answer, schema) } };
  // The OpenAPI document describes a stream as a text, because a schema of OpenAPI 3.1 describes the whole body and not one line
  // of the body.
  return {
    "application/x-ndjson": {
      schema: {
        ...text,
        description: 'Each line is one item as JSON. If the stream fails, the last line is {"error": ...}',
        contentMediaType: "application/x-ndjson",
        contentSchema: schema,
      },
    },
    "text/event-stream": {
      schema: {
        ...text,
        description: "The data of each event is one item as JSON. The last event is end or error",
        contentMediaType: "application/json",
        contentSchema: schema,
      },
    },
  };
};
