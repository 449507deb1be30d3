// The JSON API in OpenAPI's words. Apart from the code that serves it, because the document is also written where nothing
// is served.

import type { PathItems } from "../../http/service.ts";
import type { ApprovalState } from "../record.ts";
import { idForm } from "../record.ts";

export const requestStates = [
  "pending",
  "approved",
  "consumed",
  "denied",
  "cancelled",
  "expired",
  "revoked",
] as const satisfies readonly ApprovalState[];

export const ownStatusPath = "/__quater__/approvals/{id}";

const text = { type: "string" } as const;
const moment = { type: "string", format: "date-time" } as const;
const id = { name: "id", in: "path", required: true, schema: { type: "string", pattern: `^${idForm}$` } } as const;
const problem = {
  description: "Refused or failed",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
} as const;
const security = [{ bearer: [] }] as const;
const digest = { type: "string", pattern: "^sha256:[0-9a-f]{64}$" } as const;
const state = { type: "string", enum: [...requestStates] } as const;
const reason = { type: "string", minLength: 1, maxLength: 500 } as const;

const request = {
  type: "object",
  required: ["id", "state", "digest", "app", "handler", "surface", "requester", "policy", "votes", "filedAt", "pendingUntil"],
  properties: {
    id: text,
    state,
    erased: { type: "boolean", description: "Personal data were erased; absent otherwise" },
    digest: { ...digest, description: "What a vote must echo" },
    app: text,
    handler: text,
    surface: text,
    requester: {
      type: "object",
      properties: { issuer: text, subject: text, kind: text, person: text, actsFor: text, credential: text },
    },
    policy: { type: "object", properties: { name: text, kind: text, approvers: { type: "array", items: { type: "object" } } } },
    votes: {
      type: "array",
      items: { type: "object", properties: { person: text, verdict: text, reason: text, via: text, at: moment } },
    },
    filedAt: moment,
    pendingUntil: moment,
    decidedAt: moment,
    usableUntil: moment,
    reason: text,
    use: { type: "object", properties: { callId: text, at: moment, outcome: text } },
    url: text,
  },
} as const;
const shownRequest = {
  ...request,
  properties: {
    ...request.properties,
    obstacle: { ...text, description: "Why this approver cannot vote; absent when he can" },
    shown: {
      type: "object",
      description: "What people are to be shown: arguments, preview, requester and policy as safe text",
    },
  },
} as const;
const ownStatus = {
  type: "object",
  required: ["id", "status", "expiresAt"],
  properties: {
    id: text,
    status: state,
    expiresAt: { ...moment, description: "Until when it can be decided, or used once it is approved" },
    url: text,
    reason: text,
    usedBy: { type: "object", properties: { callId: text, outcome: text } },
  },
} as const;

const answering = (description: string, schema: object) => ({
  "200": { description, content: { "application/json": { schema } } },
  default: problem,
});
const query = (name: string, schema: object) => ({ name, in: "query", required: false, schema });
const body = (schema: object) => ({ required: true, content: { "application/json": { schema } } });

/** @param server  Where the API listens when it has a listener of its own. */
export const apiPaths = (server: string | undefined): PathItems => {
  const servers = server === undefined ? {} : { servers: [{ url: server }] };
  return {
    "/approvals/api/requests": {
      ...servers,
      get: {
        operationId: "listApprovals",
        description: "Requests for approval, newest first. For approvers.",
        parameters: [
          query("state", { type: "array", items: state }),
          query("handler", text),
          query("limit", { type: "integer", minimum: 1, maximum: 200, default: 50 }),
          query("before", { type: "string", description: "An id: only those filed before it" }),
        ],
        responses: answering("Requests", {
          type: "object",
          required: ["requests"],
          properties: { requests: { type: "array", items: request } },
        }),
        security,
      },
    },
    "/approvals/api/requests/{id}": {
      ...servers,
      get: {
        operationId: "getApproval",
        description: "One request with everything that an approver should see. For approvers.",
        parameters: [id],
        responses: answering("The request", shownRequest),
        security,
      },
    },
    "/approvals/api/requests/{id}/votes": {
      ...servers,
      post: {
        operationId: "voteOnApproval",
        description: "Approves or denies. Repeating the same vote changes nothing. For approvers.",
        parameters: [id],
        requestBody: body({
          type: "object",
          required: ["verdict", "digest"],
          additionalProperties: false,
          properties: { verdict: { type: "string", enum: ["approve", "deny"] }, digest, reason },
        }),
        responses: answering("The request after the vote", request),
        security,
      },
    },
    "/approvals/api/requests/{id}/revocation": {
      ...servers,
      post: {
        operationId: "revokeApproval",
        description: "Takes an approved request back before it is used. For approvers.",
        parameters: [id],
        requestBody: body({ type: "object", additionalProperties: false, properties: { reason } }),
        responses: answering("The request after it was taken back", request),
        security,
      },
    },
    [ownStatusPath]: {
      get: {
        operationId: "getOwnApproval",
        description: "Returns the state of the caller's own request, made over http.",
        parameters: [id],
        responses: answering("Its status", ownStatus),
        security,
      },
      delete: {
        operationId: "cancelOwnApproval",
        description: "Cancels the caller's own request, made over http.",
        parameters: [id],
        responses: answering("Its status afterwards", ownStatus),
        security,
      },
    },
  };
};
