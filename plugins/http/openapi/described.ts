// Completes the OpenAPI entries that plugins write for their own routes, so that each operation has the fields that OpenAPI tools
// need.

import { isPlainObject } from "../../../core/schema/schema.ts";
import type { PathItems } from "../service.ts";
import { firstSentence } from "./operation.ts";

const methods = new Set(["get", "put", "post", "delete", "patch"]);

type Fields = Readonly<Record<string, unknown>>;

/**
 * Adds a summary, a group, and the response 4XX beside `default` to each operation of plugins. Existing fields stay unchanged.
 */
export const completed = (described: readonly PathItems[]): Readonly<Record<string, Fields>> =>
  Object.fromEntries(
    described
      .flatMap(Object.entries<Fields>)
      .map(([path, item]) => [
        path,
        Object.fromEntries(
          Object.entries(item).map(([key, value]) => [
            key,
            methods.has(key) && isPlainObject(value) ? completedOperation(path, value) : value,
          ]),
        ),
      ]),
  );

const completedOperation = (path: string, operation: Fields): Fields => {
  const { description, responses } = operation;
  const tag = path.split("/").find((segment) => /^[A-Za-z][\w-]*$/.test(segment));
  return {
    ...(typeof description === "string" ? { summary: firstSentence(description) } : {}),
    ...(tag === undefined ? {} : { tags: [tag] }),
    ...operation,
    ...(isPlainObject(responses) ? { responses: withRefusals(responses) } : {}),
  };
};

const withRefusals = (responses: Fields): Fields =>
  "default" in responses && !Object.keys(responses).some((status) => /^4(?:\d\d|XX)$/.test(status))
    ? { ...responses, "4XX": responses["default"] }
    : responses;

/** Returns all OpenAPI operations of the paths. */
export const operationsIn = (paths: Readonly<Record<string, Fields>>): readonly Fields[] =>
  Object.values(paths).flatMap((item) =>
    Object.entries(item).flatMap(([key, value]) => (methods.has(key) && isPlainObject(value) ? [value] : [])),
  );
