// Completes the text that a person types for an argument of a prompt or for a variable of a resource template. The proposed
// values come from the literals and booleans of the field's schema, or from the function in `complete` of the handler.

import { isAbort } from "../../../core/model/call.ts";
import { type Catalog, errorText, isVisibleTo, type Operation } from "../../../core/plugin-api.ts";
import { isPlainObject, type JsonSchema, propertiesOf, referred } from "../../../core/schema/schema.ts";
import { isReachable } from "../authorization/resource-server.ts";
import { mcpKey } from "../offers/exposure.ts";
import type { Prompts } from "../offers/prompts.ts";
import type { Resources } from "../offers/resources.ts";
import type { Answer } from "../protocol/answers.ts";
import { invalidParams, type Results } from "../protocol/answers.ts";
import type { Request } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";

/** The most values in the answer to a completion request (MCP 2025-11-25, server/utilities/completion). */
const mostValues = 100;
/** The longest text that Quater completes, characters. */
const longestValue = 1_000;

export class Completion {
  readonly #resources: Resources;
  readonly #prompts: Prompts;
  readonly #results: Results;
  /** Whether Quater can complete no field of any prompt or resource template. */
  readonly isEmpty: boolean;

  constructor({ operations }: Catalog, resources: Resources, prompts: Prompts, results: Results) {
    this.#results = results;
    this.#resources = resources;
    this.#prompts = prompts;
    const offered = operations.filter((operation) => {
      const exposure = mcpKey.of(operation);
      return exposure?.prompt === true || exposure?.resource !== undefined;
    });
    this.isEmpty = !offered.some((operation) =>
      Object.entries(propertiesOf(operation.input)).some(
        ([name, schema]) => completerOf(operation, name) !== undefined || choicesIn(operation.input, schema).length > 0,
      ),
    );
  }

  async answer({ id, params }: Request, caller: Caller): Promise<Answer> {
    const { ref, argument } = params;
    if (!isPlainObject(ref) || !isPlainObject(argument)) return invalidParams(id, 'The params must have "ref" and "argument"');
    const { name, value } = argument;
    if (typeof name !== "string" || typeof value !== "string" || value.length > longestValue)
      return invalidParams(id, `"argument" must have "name" and "value", texts of at most ${longestValue} characters`);
    const operation = this.#find(ref);
    if (operation === undefined || !isReachable(operation, caller.principal))
      return invalidParams(id, "No prompt and no resource template has this name or URI");
    // Check whether the caller may call the handler before you look up the name of the argument. So callers without rights cannot
    // guess the names of arguments.
    const isVisible = isVisibleTo(operation, caller.principal);
    if (isVisible && !Object.hasOwn(propertiesOf(operation.input), name))
      return invalidParams(id, "The ref has no argument with this name");
    const values = isVisible ? await valuesOf(operation, name, value, caller) : [];
    const completion = { values: values.slice(0, mostValues), total: values.length, hasMore: values.length > mostValues };
    return { body: this.#results.result(caller.era, id, JSON.stringify({ completion })) };
  }

  #find({ type, name, uri }: JsonSchema): Operation | undefined {
    if (type === "ref/prompt" && typeof name === "string") return this.#prompts.find(name);
    if (type === "ref/resource" && typeof uri === "string") return this.#resources.template(uri)?.operation;
    return undefined;
  }
}

/**
 * Returns the function of the handler that completes a field. A field may have the name of a method of all objects, such as
 * `toString`.
 */
const completerOf = ({ handler: { complete = {} } }: Operation, name: string) =>
  Object.hasOwn(complete, name) ? complete[name] : undefined;

const valuesOf = async (
  operation: Operation,
  name: string,
  value: string,
  { principal, cancellation }: Caller,
): Promise<readonly string[]> => {
  const { input, name: handlerName } = operation;
  const completer = completerOf(operation, name);
  if (completer === undefined) {
    const typed = value.toLowerCase();
    return choicesIn(input, propertiesOf(input)[name]).filter((choice) => choice.toLowerCase().startsWith(typed));
  }
  let found: unknown;
  try {
    found = await completer({ value, principal, signal: cancellation.signal });
  } catch (error) {
    if (cancellation.isCancelled && isAbort(error)) return []; // Nobody gets the values.
    // Throw an error that is not a QuaterError, because a QuaterError would look like a refusal of the caller, and Quater would
    // not log the QuaterError.
    throw new Error(`complete.${name} of the handler ${handlerName} failed: ${errorText(error)}`, { cause: error });
  }
  if (!Array.isArray(found) || !found.every((each) => ["string", "number", "boolean"].includes(typeof each)))
    throw new Error(`complete.${name} of the handler ${handlerName} did not return a list of texts, numbers and booleans`);
  return found.map(String);
};

/**
 * The largest number of `$ref`s that `choicesIn` follows one after the other, because schemas may refer to each other in a
 * circle.
 */
const mostLevels = 16;

/**
 * Returns the literals and booleans that a schema allows, as texts. For the schema of a list, returns the literals and booleans
 * that the schema of the items allows.
 */
const choicesIn = (root: JsonSchema, schema: unknown, level = 0): readonly string[] => {
  if (!isPlainObject(schema) || level > mostLevels) return [];
  const { $ref, const: only, enum: several, type, items } = schema;
  const inner = (part: unknown) => choicesIn(root, part, level + 1);
  if (typeof $ref === "string") return inner(referred(root, $ref));
  if (only !== undefined) return textsOf([only]);
  if (Array.isArray(several)) return textsOf(several);
  if (type === "boolean") return ["true", "false"];
  const branches = [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;
  return branches === undefined ? inner(items) : [...new Set(branches.flatMap(inner))];
};

const textsOf = (values: readonly unknown[]): readonly string[] =>
  values.filter((value) => ["string", "number", "boolean"].includes(typeof value)).map(String);
