// The routes as an OpenAPI 3.1 document: input schemas split into path, query, headers and body the way binding takes
// them, and only what the reader's static policy allows.

import type { Principal } from "../../core/index.ts";
import { type Catalog, isVisibleTo, type JsonSchema, type Operation, type Project } from "../../core/plugin-api.ts";
import { isPlainObject, propertiesOf, requiredOf } from "../../core/schema/schema.ts";
import { statusOfKind } from "./refusals.ts";
import { httpKey, type RoutePlan, takesBody } from "./route.ts";
import type { PathItems } from "./service.ts";

/**
 * @param principal  Whose view; `undefined` shows all routes (development, and the operator's terminal).
 * @param described  What plugins mounted: doors of their own, so that everybody reads of them.
 */
export const openApiDocument = (
  catalog: Catalog,
  project: Project,
  principal: Principal | undefined,
  described: readonly PathItems[] = [],
): object => {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of catalog.operations) {
    const plan = httpKey.of(operation);
    if (plan === undefined || (principal !== undefined && !isVisibleTo(operation, principal))) continue;
    const path = plan.path.replaceAll(/:([A-Za-z_][A-Za-z0-9_]*)/g, "{$1}");
    paths[path] = { ...paths[path], [plan.method.toLowerCase()]: operationObject(operation, plan) };
  }
  return {
    openapi: "3.1.0",
    info: { title: project.name, version: project.version },
    paths: Object.assign(paths, ...described),
    components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } }, schemas: { Problem: problemSchema } },
  };
};

const problemSchema = {
  type: "object",
  required: ["title", "status", "code", "detail", "callId"],
  properties: {
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string" },
    detail: { type: "string" },
    callId: { type: "string" },
    errors: { type: "array", items: { type: "object", properties: { path: { type: "string" }, message: { type: "string" } } } },
    approval: {
      type: "object",
      description: "Where people must agree to the call, or were asked to",
      required: ["id"],
      properties: {
        id: { type: "string" },
        status: { type: "string" },
        url: { type: "string", format: "uri" },
        expiresAt: { type: "string", format: "date-time" },
      },
    },
  },
};

const anyProblem = { $ref: "#/components/schemas/Problem" };

const problemResponse = (description: string, schema: object = anyProblem): object => ({
  description,
  content: { "application/problem+json": { schema } },
});

/** The general codes of the same status stay possible. */
const refusedWith = (codes: readonly string[], sentence: string): object => {
  const code = { anyOf: [{ enum: codes }, { type: "string" }] };
  return problemResponse(`${sentence}; its own codes are ${codes.join(", ")}`, { allOf: [anyProblem, { properties: { code } }] });
};

/** Responses by status, for the handler's codes that were made by `problem()`. A code that was written as text has no status. */
const ownRefusals = ({ problems, needsApproval }: Operation): Readonly<Record<string, object>> => {
  const byStatus = new Map<number, string[]>();
  for (const { code, kind } of problems) {
    if (kind === undefined) continue;
    const status = statusOfKind[kind];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const own = [...byStatus].map(([status, codes]) => [status, refusedWith(codes, "Refused")]);
  const first = problemResponse("People must agree to this exact call first");
  return { ...(needsApproval ? { [statusOfKind.approval_required]: first } : {}), ...Object.fromEntries(own) };
};

const otherRefusals = ({ problems }: Operation): object => {
  const codes = problems.filter(({ kind }) => kind === undefined).map(({ code }) => code);
  return codes.length === 0 ? problemResponse("Refused or failed") : refusedWith(codes, "Refused or failed");
};

const approvalParameter = {
  name: "Quater-Approval",
  in: "header",
  required: false,
  description: "The id of the approval that a repeated call means",
  schema: { type: "string", pattern: "^[A-Za-z0-9_-]{1,100}$" },
};

const operationObject = (operation: Operation, plan: RoutePlan): object => {
  const properties = propertiesOf(operation.input);
  const required = new Set(requiredOf(operation.input));
  const elsewhere = new Map(plan.bound.map((bound) => [bound.name, bound]));
  const hasBody = takesBody(plan.method);
  const needsApproval = operation.needsApproval;
  const inputs = Object.entries(properties).flatMap(([name, schema]) => {
    const bound = elsewhere.get(name);
    const isPath = plan.params.includes(name);
    if (!isPath && bound === undefined && hasBody) return [];
    const place = isPath ? "path" : (bound?.from ?? "query");
    const described = typeof schema["description"] === "string" ? { description: schema["description"] } : {};
    return [
      {
        name: bound?.key ?? name,
        in: place,
        required: isPath || (required.has(name) && !("default" in schema)),
        ...described,
        schema,
      },
    ];
  });
  const parameters = needsApproval ? [...inputs, approvalParameter] : inputs;
  const body = hasBody ? bodySchema(operation.input, new Set([...plan.params, ...elsewhere.keys()])) : undefined;
  return {
    operationId: operation.name,
    description: operation.handler.description,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: requiredOf(body).length > 0, content: { "application/json": { schema: body } } } }),
    responses: {
      [plan.status]: { description: "Done", content: contentOf(operation) },
      ...ownRefusals(operation),
      default: otherRefusals(operation),
    },
    security: operation.isPublic ? [] : [{ bearer: operation.policy.scopes }],
    "x-quater-effect": operation.handler.effect,
    "x-quater-auth": operation.policy.name,
  };
};

const contentOf = (operation: Operation): object => {
  const schema = operation.output ?? {};
  if (!operation.isStream) return { "application/json": { schema } };
  return { "application/x-ndjson": { schema }, "text/event-stream": { schema } };
};

/** The input without what comes from path and headers; `undefined` when nothing is left. */
const bodySchema = (input: JsonSchema, without: ReadonlySet<string>): JsonSchema | undefined => {
  if (!isPlainObject(input["properties"])) return input;
  const properties = Object.fromEntries(Object.entries(input["properties"]).filter(([name]) => !without.has(name)));
  if (Object.keys(properties).length === 0) return undefined;
  return {
    ...input,
    properties,
    required: requiredOf(input).filter((name) => !without.has(name) && !("default" in (properties[name] as JsonSchema))),
  };
};
