// Makes the OpenAPI entries of the approvals API from the schemas of the API. Commands that do not serve the API also write the
// OpenAPI document, so this file does not import the code that serves the API.

import type { TSchema } from "../../../core/index.ts";
import { propertiesOf } from "../../../core/schema/schema.ts";
import type { PathItems } from "../../http/service.ts";
import {
  listAnswer,
  listQuery,
  ownStatusAnswer,
  requestAnswer,
  requestId,
  revocationBody,
  shownRequestAnswer,
  voteBody,
} from "./schemas.ts";

interface ApiOperation {
  readonly method: "get" | "post" | "delete";
  readonly path: string;
  readonly operationId: string;
  readonly description: string;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly answer: TSchema;
  readonly answerDescription: string;
}

const requests = "/approvals/api/requests";
/** The path for requesters. All other operations of the approvals API are for approvers. */
export const ownStatusPath = "/__quater__/approvals/{id}";

export const apiOperations: readonly ApiOperation[] = [
  {
    method: "get",
    path: requests,
    operationId: "listApprovals",
    description: "Lists approval requests, newest first. Only for approvers.",
    query: listQuery,
    answer: listAnswer,
    answerDescription: "Requests",
  },
  {
    method: "get",
    path: `${requests}/{id}`,
    operationId: "getApproval",
    description: "Returns one request with everything that an approver must see. Only for approvers.",
    answer: shownRequestAnswer,
    answerDescription: "The request",
  },
  {
    method: "post",
    path: `${requests}/{id}/votes`,
    operationId: "voteOnApproval",
    description: "Approves or denies a request. Repeating the same vote has no effect. Only for approvers.",
    body: voteBody,
    answer: requestAnswer,
    answerDescription: "The request after the vote",
  },
  {
    method: "post",
    path: `${requests}/{id}/revocation`,
    operationId: "revokeApproval",
    description: "Revokes an approval before it is used. Only for approvers.",
    body: revocationBody,
    answer: requestAnswer,
    answerDescription: "The revoked request",
  },
  {
    method: "get",
    path: ownStatusPath,
    operationId: "getOwnApproval",
    description: "Returns the state of the caller's own request, made over http.",
    answer: ownStatusAnswer,
    answerDescription: "The status of the request",
  },
  {
    method: "delete",
    path: ownStatusPath,
    operationId: "cancelOwnApproval",
    description: "Cancels the caller's own request, made over http.",
    answer: ownStatusAnswer,
    answerDescription: "The status of the cancelled request",
  },
];

const problem = {
  description: "Refused or failed",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
} as const;

const entryOf = ({ path, operationId, description, query, body, answer, answerDescription }: ApiOperation): object => ({
  operationId,
  description,
  parameters: [
    ...(path.includes("{id}") ? [{ name: "id", in: "path", required: true, schema: requestId }] : []),
    ...Object.entries(propertiesOf(query)).map(([name, schema]) => ({ name, in: "query", required: false, schema })),
  ],
  ...(body === undefined ? {} : { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
  responses: {
    "200": { description: answerDescription, content: { "application/json": { schema: answer } } },
    default: problem,
  },
  security: [{ bearer: [] }],
});

/** @param server  The URL of the listener that serves only the approvals page and the API; absent without this listener. */
export const apiPaths = (server: string | undefined): PathItems => {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of apiOperations) {
    const { path, method } = operation;
    const hasOwnServer = server !== undefined && path !== ownStatusPath;
    const item = paths[path] ?? (hasOwnServer ? { servers: [{ url: server }] } : {});
    paths[path] = { ...item, [method]: entryOf(operation) };
  }
  return paths;
};
