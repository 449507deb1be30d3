// Finds the errors of a value that a schema refuses. Returns one sentence for each place in the value, and one for each union.

import { Errors } from "../schema/compile.ts";
import { type Narrowing, narrowingOf } from "../schema/kinds.ts";
import { ownMessageOf } from "../schema/own-message.ts";
import type { JsonSchema } from "../schema/schema.ts";
import { type Complaint, maxComplaints, partAt, type SchemaError, worded } from "./sentences.ts";

/**
 * Returns the errors of a value. When the check of the value failed and the list of errors is empty, the caller gets `internal`.
 */
export type Complainer = (value: unknown) => readonly Complaint[];

/** @param schema  The schema against which Quater checks values. */
export const complainerOf = (schema: JsonSchema): Complainer => {
  let narrowing: Narrowing | undefined;
  return (value) => {
    narrowing ??= narrowingOf(schema);
    const narrowed = narrowing(value);
    return complaintsOf({ schema: narrowed, value }, Errors(narrowed, value)[1]);
  };
};

interface Checked {
  readonly schema: JsonSchema;
  readonly value: unknown;
}

const complaintsOf = (checked: Checked, errors: readonly SchemaError[]): readonly Complaint[] => {
  const found = new Map<string, Complaint>();
  for (const error of withoutBranches(checked.schema, withoutKeys(errors))) {
    for (const complaint of worded(checked.schema, checked.value, error)) {
      const known = found.get(complaint.path);
      // An error about an unknown field, a wrong constant or a wrong enum value helps the caller more than an error about a wrong
      // type.
      const saysMore = complaint.isUnknownField || error.keyword === "const" || error.keyword === "enum";
      if (known === undefined || saysMore) found.set(complaint.path, complaint);
    }
  }
  // Sort the errors by path, so that the result does not depend on the order in which a surface received the fields.
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, maxComplaints);
};

/** Removes the error of an object about a wrong key. The error at the wrong key itself is enough. */
const withoutKeys = (errors: readonly SchemaError[]): readonly SchemaError[] =>
  errors.filter((error) => {
    const path = `${error.schemaPath}/propertyNames`;
    const isKey = (other: SchemaError) => other.schemaPath.startsWith(path) && isWithin(other.instancePath, error.instancePath);
    return error.keyword !== "propertyNames" || !errors.some(isKey);
  });

/**
 * Reduces the errors of a union, because TypeBox reports the errors of every branch. When exactly one branch has the right type
 * and the right value of the field that distinguishes the branches, `withoutBranches` keeps the errors of this branch. If no
 * branch or several branches have the right type and value, and for a union with an `x-message`, `withoutBranches` keeps the
 * union's own error.
 */
const withoutBranches = (schema: JsonSchema, errors: readonly SchemaError[]): readonly SchemaError[] => {
  const dropped = new Set<SchemaError>();
  for (const union of errors) {
    if (union.keyword !== "anyOf" && union.keyword !== "oneOf") continue;
    const prefix = `${union.schemaPath}/${union.keyword}/`;
    const branches = new Map<string, SchemaError[]>();
    for (const error of errors) {
      if (!error.schemaPath.startsWith(prefix) || !isWithin(error.instancePath, union.instancePath)) continue;
      const branch = error.schemaPath.slice(prefix.length).split("/", 1)[0] ?? "";
      branches.set(branch, [...(branches.get(branch) ?? []), error]);
    }
    const meant = [...branches.values()].filter((found) => !found.some((error) => isAnother(error, union.instancePath)));
    const hasOwnMessage = ownMessageOf(partAt(schema, union.schemaPath), union.keyword) !== undefined;
    const kept = meant.length === 1 && !hasOwnMessage ? meant[0] : undefined;
    if (kept !== undefined) dropped.add(union);
    for (const found of branches.values()) if (found !== kept) for (const error of found) dropped.add(error);
  }
  return errors.filter((error) => !dropped.has(error));
};

const isWithin = (path: string, outer: string): boolean => path === outer || path.startsWith(`${outer}/`);

/**
 * Whether the error shows that the caller meant another branch of the union. Such an error is about the type of the value, or
 * about the value of a constant field directly in the branch.
 */
const isAnother = (error: SchemaError, path: string): boolean => {
  if (error.instancePath === path) return ["type", "const", "enum"].includes(error.keyword);
  const isOwnField = isWithin(error.instancePath, path) && !error.instancePath.slice(path.length + 1).includes("/");
  return isOwnField && error.keyword === "const";
};
