// Makes inputs from the schema of a handler: one accepted input, inputs that are wrong in one way, and another accepted input
// that differs in one byte. A wrong value stays wrong if a surface sends the value as text.

import type { JsonSchema, Operation } from "../../core/plugin-api.ts";
import { isPlainObject, propertiesOf, requiredOf } from "../../core/schema/schema.ts";
import { type Sampler, samplerOf } from "../../core/testing/sample.ts";

export type Input = Readonly<Record<string, unknown>>;

export interface Inputs {
  /**
   * Returns an input that the schema accepts. @throws {NoSample} when the gate suite can make no input from the schema, and the
   * user of the gate suite supplied no input.
   */
  readonly right: () => Input;
  /**
   * Returns inputs with a value of a wrong type, in the order in which the gate suite tries them. The function returns several
   * inputs, because a surface may not be able to send each input.
   */
  readonly wrongType: () => readonly Input[];
  readonly missing: () => readonly Input[];
  /** Returns inputs with an unknown field; `undefined` when the schema accepts any field. */
  readonly unknownField: () => readonly Input[];
  /**
   * Returns another accepted input that differs from `right` in one byte or one field; `undefined` when there is no such input.
   */
  readonly changed: () => Input | undefined;
}

export const inputsOf = async (operation: Operation, supplied: unknown): Promise<Inputs> => {
  const schema = operation.input;
  const sampler = await samplerOf(schema);
  const right = (): Input => (supplied === undefined ? sampler.sample() : structuredClone(supplied)) as Input;
  const properties = propertiesOf(schema);
  return {
    right,
    wrongType: () =>
      Object.entries(properties)
        .flatMap(([name, property]) => wrongValues(property).map((value) => ({ ...right(), [name]: value })))
        .filter((input) => !sampler.accepts(input)),
    missing: () =>
      requiredOf(schema)
        .filter((name) => !("default" in (properties[name] ?? {})))
        .map((name) => Object.fromEntries(Object.entries(right()).filter(([key]) => key !== name))),
    unknownField: () => (takesAnyField(operation) ? [] : [{ ...right(), gateSuiteUnknown: "x" }]),
    changed: () => changed(right(), schema, sampler),
  };
};

/**
 * Whether the handler's own input schema accepts unknown fields. This function does not read the kernel's closed copy of the
 * input schema, because the gate suite checks that copy.
 */
const takesAnyField = ({ handler }: Operation): boolean => {
  const schema = handler.input as JsonSchema;
  const { additionalProperties, unevaluatedProperties } = schema;
  const isOpen = (said: unknown) => said !== undefined && said !== false;
  return isOpen(additionalProperties) || isOpen(unevaluatedProperties) || "patternProperties" in schema;
};

/**
 * Returns values of a wrong type for a property. The first of these values is a text that only a string schema accepts. The other
 * values of a wrong type are not texts.
 */
const wrongValues = (property: JsonSchema): readonly unknown[] => {
  const tooLong = Number(property["maxLength"] ?? 0);
  const long = tooLong > 0 && tooLong < 4_000 ? ["x".repeat(tooLong + 1)] : [];
  const isList = [property["type"]].flat().includes("array");
  return [...(isList ? [] : ["gate-suite!"]), ...long, ["gate", "suite"], { gate: "suite" }];
};

const changed = (input: Input, schema: JsonSchema, sampler: Sampler): Input | undefined => {
  for (const [name, value] of Object.entries(input))
    for (const other of neighbours(value)) {
      const near = { ...input, [name]: other };
      if (sampler.accepts(near)) return near;
    }
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    if (name in input) continue;
    for (const value of [property["default"], ...neighbours("sample"), 1, true]) {
      const more = { ...input, [name]: value };
      if (value !== undefined && value !== property["default"] && sampler.accepts(more)) return more;
    }
  }
  return undefined;
};

/** How many characters at the end of a text the gate suite changes. Each attempt changes one character. */
const nearEnd = 40;

/** Yields values that differ from `value` as little as possible. */
function* neighbours(value: unknown): Generator<unknown> {
  if (typeof value === "string") {
    for (let at = value.length - 1; at >= Math.max(0, value.length - nearEnd); at--)
      for (const other of "1234567890abcxyzABCXYZ")
        if (value[at] !== other) yield value.slice(0, at) + other + value.slice(at + 1);
    yield `${value}1`;
  } else if (typeof value === "number") {
    yield value + 1;
    yield value - 1;
    yield value / 2;
  } else if (typeof value === "boolean") yield !value;
  else if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) for (const other of neighbours(item)) yield value.with(at, other);
    yield [...value, ...value.slice(0, 1)];
  } else if (isPlainObject(value))
    for (const [name, item] of Object.entries(value)) for (const other of neighbours(item)) yield { ...value, [name]: other };
}
