// Makes the OpenAPI 3.1 document of the routes. Quater makes the OpenAPI document once for all routes. Each reader gets the
// routes whose static policy allows the reader. For all readers, a component has the same name.

import type { Principal } from "../../../core/index.ts";
import { type Authentication, type Catalog, isVisibleTo, type Operation, type Project } from "../../../core/plugin-api.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { bodySchemaOf, contentTypeOf, type ProblemFormat } from "../problem-format.ts";
import { httpKey, pathUnder } from "../route.ts";
import type { PathItems } from "../service.ts";
import { answerHeaders, approvalRequiredSchema, problemSchema, sharedAnswers } from "./answers.ts";
import { Components, reference } from "./components.ts";
import { completed, operationsIn } from "./described.ts";
import { operationObject } from "./operation.ts";
import type { OpenApiOption } from "./options.ts";
import { bearerScheme, securitySchemes } from "./security.ts";

export interface DocumentOf {
  readonly catalog: Catalog;
  readonly project: Project;
  /**
   * The OpenAPI entries of routes that plugins mounted. Plugins authenticate callers of these routes, so every reader sees these
   * entries.
   */
  readonly described?: readonly PathItems[];
  /** The authenticator of the exposed routes. */
  readonly authenticate?: Authentication | undefined;
  readonly openApi?: OpenApiOption | undefined;
  readonly problem?: ProblemFormat | undefined;
  /** The path with which all routes begin. */
  readonly prefix?: string | undefined;
  /** The default URL for `servers` in the OpenAPI document. */
  readonly publicUrl?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

interface Described {
  readonly operation: Operation;
  readonly path: string;
  readonly method: string;
  readonly object: Fields;
}

/**
 * Prepares the OpenAPI document.
 *
 * @returns A function that returns the OpenAPI document for a reader. For the reader `undefined`, the document contains all
 *   routes. Development and the operator's terminal use the reader `undefined`.
 */
export const openApiDocument = (of: DocumentOf): ((principal: Principal | undefined) => object) => {
  const { catalog, project, described = [], authenticate, openApi = {}, problem, prefix = "", publicUrl = "/" } = of;
  const components = new Components();
  const mounted = completed(described);
  const ownSchemes = securitySchemes(authenticate);
  const names = new Set(operationsIn(mounted).flatMap(({ operationId }) => (typeof operationId === "string" ? operationId : [])));
  const routes = catalog.operations.flatMap((operation): Described[] => {
    const plan = httpKey.of(operation);
    if (plan === undefined) return [];
    const hasCredentials = authenticate !== undefined;
    const object = operationObject({ operation, plan, components, hasCredentials, described: names }, Object.keys(ownSchemes));
    const path = pathUnder(prefix, plan.path).replaceAll(/:([A-Za-z_][A-Za-z0-9_]*)/g, "{$1}");
    return [{ operation, path, method: plan.method.toLowerCase(), object: object as Fields }];
  });
  const inFormat = problem === undefined ? <Value>(value: Value) => value : inOwnFormat(contentTypeOf(problem));
  const { value: settled, schemas } = components.settle(routes.map(({ object }) => inFormat(object)));
  const all = {
    schemas: {
      Problem: problemSchema,
      ApprovalRequired: approvalRequiredSchema,
      ...(problem === undefined ? {} : { OwnProblem: bodySchemaOf(problem) }),
      ...schemas,
    },
    responses: inFormat(sharedAnswers),
    headers: answerHeaders,
    securitySchemes: { ...bearerScheme, ...ownSchemes },
  };
  const { description, contact, license, servers = [{ url: publicUrl }], tags = {} } = openApi;
  const info = { title: project.name, version: project.version, description, contact, license };
  return (principal) => {
    const paths: Record<string, Fields> = {};
    for (const [index, { operation, path, method }] of routes.entries())
      if (principal === undefined || isVisibleTo(operation, principal))
        paths[path] = { ...paths[path], [method]: settled[index] as Fields };
    Object.assign(paths, mounted);
    return {
      openapi: "3.1.0",
      info: Object.fromEntries(Object.entries(info).filter(([, value]) => value !== undefined)),
      servers,
      tags: tagsOf(paths, tags),
      paths,
      components: usedOf(all, paths),
    };
  };
};

/**
 * Replaces the bodies of refusals in the OpenAPI document by the project's own format of errors. The changed OpenAPI document has
 * no links that read problem details.
 */
const inOwnFormat = (contentType: string) => {
  const shown = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shown);
    if (!isPlainObject(value)) return value;
    if ("application/problem+json" in value) return { [contentType]: { schema: reference("OwnProblem") } };
    const isRefusal = isPlainObject(value["content"]) && "application/problem+json" in value["content"];
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, part]) => (isRefusal && key === "links" ? [] : [[key, shown(part)]])),
    );
  };
  return <Value>(value: Value): Value => shown(value) as Value;
};

const tagsOf = (paths: Readonly<Record<string, Fields>>, words: Readonly<Record<string, string>>): readonly object[] => {
  const names = new Set(operationsIn(paths).flatMap(({ tags }) => (Array.isArray(tags) ? (tags as string[]) : [])));
  return [...names].map((name) => ({ name, description: words[name] ?? `Routes of ${name}` }));
};

type Table = Readonly<Record<string, JsonSchema | object>>;

/** Returns the components that `paths` need, including the components to which other needed components refer. */
const usedOf = (all: Readonly<Record<string, Table>>, paths: Readonly<Record<string, Fields>>): object => {
  const used = new Set<string>(operationsIn(paths).flatMap(schemesIn));
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const part of value) look(part);
    if (!isPlainObject(value)) return;
    const ref = value["$ref"];
    if (typeof ref === "string" && !used.has(ref)) {
      used.add(ref);
      const [, kind = "", name = ""] = /^#\/components\/([a-zA-Z]+)\/(.+)$/.exec(ref) ?? [];
      look(all[kind]?.[name]);
    }
    for (const part of Object.values(value)) look(part);
  };
  look(paths);
  const kept = Object.entries(all).map(([kind, table]): [string, Table] => [
    kind,
    Object.fromEntries(Object.entries(table).filter(([name]) => used.has(`#/components/${kind}/${name}`))),
  ]);
  return Object.fromEntries(kept.filter(([, table]) => Object.keys(table).length > 0));
};

const schemesIn = ({ security }: Fields): readonly string[] =>
  (Array.isArray(security) ? (security as object[]) : []).flatMap((one) =>
    Object.keys(one).map((name) => `#/components/securitySchemes/${name}`),
  );
