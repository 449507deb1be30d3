// Finds out why a value that fits one schema may not fit another schema. A changed input schema breaks clients if the server no
// longer accepts a value that the server accepted before. A changed output schema breaks clients if the server may send a new
// kind of value. For outputs, the same comparison runs with the two schemas exchanged.

import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { branchesOf, flat, isOpen, listIn, type Side, tableIn, typesOf, valuesOf } from "./schema.ts";

export interface Misfit {
  /** A JSON Pointer to a part of the value. `*` in the pointer means any item or any undeclared field. */
  readonly path: string;
  /**
   * `required`: the field may be absent by one schema. `gone`: the other schema does not accept the field. In other cases, the
   * kind is the keyword that differs.
   */
  readonly kind: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The keywords of a schema for which a larger value is stricter. */
const lowerLimits = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"];
const upperLimits = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"];
/** The keywords whose values are only compared as texts, because this file cannot find out which of two values is stricter. */
const compared = [
  ..."pattern format uniqueItems contentEncoding contentMediaType".split(" "),
  ..."prefixItems patternProperties propertyNames contains dependentRequired dependentSchemas not if then else".split(" "),
];

/** @returns The places at which a value that fits `from` may not fit `to`. */
export const misfits = (from: Side, to: Side, path = "", onTheWay: readonly string[] = []): readonly Misfit[] => {
  const [a, b] = [flat(from), flat(to)];
  const pair = `${refOf(from)} ${refOf(to)}`;
  if (pair.length > 1 && onTheWay.includes(pair)) return [];
  const way = [...onTheWay, pair];
  const of = (side: Side, schema: unknown): Side => ({ document: side.document, schema });
  const branches = branchesOf(a);
  if (branches !== undefined) return unique(branches.flatMap((branch) => misfits(of(from, branch), to, path, way)));
  const choices = branchesOf(b)?.map((branch) => misfits(from, of(to, branch), path, way));
  if (choices !== undefined) return choices.some((found) => found.length === 0) ? [] : closest(choices, { path, a, b });
  const found: Misfit[] = [];
  const say = (kind: string, was: unknown = a[kind], is: unknown = b[kind]) => found.push({ path, kind, from: was, to: is });
  const types = typeMisfit(a, b);
  if (types !== undefined) return [{ path, kind: "type", ...types }];
  const [values, allowed] = [valuesOf(a), valuesOf(b)];
  if (allowed !== undefined) {
    const left = values?.filter((value) => !allowed.some((one) => textOf(one) === textOf(value)));
    if (left === undefined || left.length > 0) say("enum", left, allowed);
  }
  if (values === undefined) {
    for (const key of lowerLimits) if (Number(b[key] ?? -Infinity) > Number(a[key] ?? -Infinity)) say(key);
    for (const key of upperLimits) if (Number(b[key] ?? Infinity) < Number(a[key] ?? Infinity)) say(key);
    const [step, wanted] = [a["multipleOf"], b["multipleOf"]];
    if (typeof wanted === "number" && !(typeof step === "number" && Number.isInteger(step / wanted))) say("multipleOf");
    for (const key of compared) if (b[key] !== undefined && textOf(a[key]) !== textOf(b[key])) say(key);
  }
  if (isPlainObject(b["items"])) found.push(...misfits(of(from, a["items"]), of(to, b["items"]), `${path}/*`, way));
  return [...found, ...fieldMisfits(from, to, { a, b, path, way })];
};

interface Objects {
  readonly a: JsonSchema;
  readonly b: JsonSchema;
  readonly path: string;
  readonly way: readonly string[];
}

const fieldMisfits = (from: Side, to: Side, { a, b, path, way }: Objects): readonly Misfit[] => {
  const [fields, taken] = [tableIn(a, "properties"), tableIn(b, "properties")];
  const [required, wanted] = [new Set(listIn(a, "required")), new Set(listIn(b, "required"))];
  const below = (name: string) => `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const gone = isOpen(b) ? [] : Object.keys(fields).filter((name) => !Object.hasOwn(taken, name));
  const isObject = Object.keys(fields).length + Object.keys(taken).length > 0 || typesOf(b)?.includes("object") === true;
  const others = { path: `${path}/*`, kind: "others", from: a["additionalProperties"], to: b["additionalProperties"] };
  return [
    ...gone.map((name) => ({ path: below(name), kind: "gone", from: fields[name], to: undefined })),
    ...[...wanted].flatMap((name) =>
      required.has(name)
        ? []
        : [{ path: below(String(name)), kind: "required", from: fields[String(name)], to: taken[String(name)] }],
    ),
    ...Object.entries(fields).flatMap(([name, schema]) =>
      Object.hasOwn(taken, name) ? misfits({ ...from, schema }, { ...to, schema: taken[name] }, below(name), way) : [],
    ),
    ...(isObject && isOpen(a) && !isOpen(b) ? [others] : []),
    ...(isPlainObject(a["additionalProperties"]) && isPlainObject(b["additionalProperties"])
      ? misfits({ ...from, schema: a["additionalProperties"] }, { ...to, schema: b["additionalProperties"] }, `${path}/*`, way)
      : []),
  ];
};

const typeMisfit = (a: JsonSchema, b: JsonSchema): { readonly from: unknown; readonly to: unknown } | undefined => {
  const [types, allowed] = [typesOf(a), typesOf(b)];
  if (allowed === undefined) return undefined;
  const fits = (type: string) => allowed.includes(type) || (type === "integer" && allowed.includes("number"));
  return types?.every(fits) === true ? undefined : { from: types?.join(" or ") ?? "any", to: allowed.join(" or ") };
};

/**
 * Chooses the misfits to report for a value that fits none of several schemas. If only one schema has the type of the value,
 * returns the misfits with that schema. Otherwise returns one misfit of the kind `shape`.
 */
const closest = (choices: readonly (readonly Misfit[])[], { path, a, b }: Omit<Objects, "way">): readonly Misfit[] => {
  const near = choices.filter((found) => !found.some((one) => one.path === path && one.kind === "type"));
  const [best] = near.toSorted((one, other) => one.length - other.length);
  return best !== undefined && near.length === 1 ? best : [{ path, kind: "shape", from: a, to: b }];
};

const unique = (found: readonly Misfit[]): readonly Misfit[] => [...new Map(found.map((one) => [textOf(one), one])).values()];

const refOf = ({ schema }: Side): string => {
  const ref = isPlainObject(schema) ? schema["$ref"] : undefined;
  return typeof ref === "string" ? ref : "";
};

/** Returns a text of a JSON value that does not depend on the order of keys. */
export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    isPlainObject(part) ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1))) : part,
  ) ?? "";
