// Checks the value that a handler returned. A value that does not match the output schema is an error of the server, and Quater
// does not send the value.

import {
  internal,
  isQuaterError,
  itemUndelivered,
  outputTooLarge,
  outputUndelivered,
  type QuaterError,
  tooMuchUnread,
} from "../diagnostics/errors.ts";
import type { AnswerRoom } from "../model/arriving.ts";
import type { Operation } from "../model/operation.ts";
import type { CheckMaker } from "../schema/compile.ts";
import { checkable } from "../schema/compiled-patterns.ts";
import { fileAnswerRulesOf } from "../schema/file-answer.ts";
import { refinementOf } from "../schema/foreign.ts";
import { beginBudget, TakesTooLong } from "../schema/pattern-budget.ts";
import { eachSubschema, isPlainObject, type JsonSchema, propertiesOf } from "../schema/schema.ts";
import { isShaped } from "../schema/shaped.ts";
import { isLargerThan, largeAnswer, NestedTooDeep, roughSizeOf } from "./answer-size.ts";
import { CheckedStream } from "./checked-stream.ts";
import { complainerOf } from "./complaints.ts";
import { shaperOf } from "./shape.ts";

/**
 * Checks the value that a handler returned, and returns the value to send. `OutputCheck` returns a promise if the library of the
 * schema checks asynchronously.
 *
 * @param room  The memory for unread answers. Quater drops a large value if this memory is full.
 * @throws {QuaterError} `output_too_large`, `rate_limited` when the memory for unread answers is full, or `internal` with the
 * mismatch as its cause. If the handler changes something, the error is `output_undelivered` with `output_too_large`,
 * `rate_limited` or `internal` as its cause, because the handler has run and Quater must not report the call as failed.
 */
export type OutputCheck = (value: unknown, room?: AnswerRoom) => unknown;

/** @param root  The project's folder. Relative paths of files in outputs are relative to this folder. */
export const outputCheckOf = (operation: Operation, maxBytes: number, root: string, makeCheck: CheckMaker): OutputCheck => {
  const one = valueCheck(operation, maxBytes, root, makeCheck);
  const changes = operation.handler.effect !== "read";
  if (!operation.isStream) return changes ? retold(one, operation, outputUndelivered) : one;
  const item = changes ? retold(one, operation, itemUndelivered) : one;
  const whole = streamCheck(operation, item);
  return changes ? retold(whole, operation, outputUndelivered) : whole;
};

const retold =
  (check: OutputCheck, { name }: Operation, tell: (handler: string, cause: QuaterError) => QuaterError): OutputCheck =>
  (value, room) => {
    const fail = (error: unknown): never => {
      throw tell(name, isQuaterError(error) ? error : internal(error));
    };
    try {
      const checked = check(value, room);
      return checked instanceof Promise ? checked.catch(fail) : checked;
    } catch (error) {
      return fail(error);
    }
  };

const streamCheck =
  (operation: Operation, item: OutputCheck): OutputCheck =>
  (value, room) => {
    if (isAsyncIterable(value)) return new CheckedStream(value, (one) => item(one, room));
    const returned = `${operation.name} declares output: stream(...), but its handle returned ${inWords(value)}`;
    throw internal(
      new Error(`${returned}. Write async *handle(...) and yield each item, or declare the output without stream()`),
    );
  };

const valueCheck = (operation: Operation, maxBytes: number, root: string, makeCheck: CheckMaker): OutputCheck => {
  const { output: schema, name, isStream } = operation;
  const subject = isStream ? `An item of ${name}` : `The output of ${name}`;
  const file = fileAnswerRulesOf(schema);
  // Load sent-file.ts only for handlers that return files, because sent-file.ts loads node:stream and few handlers return files.
  if (file !== undefined) return async (value) => (await import("./sent-file.ts")).fileAnswerOf(file, { subject, root })(value);
  const check =
    schema === undefined
      ? jsonCheck(subject)
      : schemaCheck(schema, subject, isStream ? "yield a value" : "return a value, or remove output", makeCheck);
  const { output } = operation.handler;
  const refine = refinementOf(isStream ? (output as { readonly item?: unknown }).item : output, subject, "output");
  return (value, room) => {
    beginBudget();
    try {
      const checked = check(value);
      const rough = roughSizeOf(checked, maxBytes);
      // Reserve the memory for the answer before the exact count, because many calls may end at the same time.
      if (rough >= largeAnswer && room?.reserve(rough) === false) throw tooMuchUnread();
      if (isLargerThan(checked, maxBytes, rough)) throw outputTooLarge(name, maxBytes);
      const refining = refine?.(checked);
      return refining === undefined ? checked : refining.then(() => checked);
    } catch (error) {
      if (error instanceof TakesTooLong)
        throw internal(
          new Error(`${subject} takes too long to match against the patterns of its schema. Return fewer or shorter strings`),
        );
      // The output check does not search for circular values, because the search would cost time for every value. The check of a
      // circular value ends with an error at the maximum depth.
      if (!isTooDeep(error)) throw error;
      throw internal(new Error(`${subject} cannot be sent as JSON: the value contains itself or is nested too deeply`));
    }
  };
};

const isTooDeep = (error: unknown): boolean =>
  error instanceof NestedTooDeep || (error instanceof RangeError && error.message.includes("call stack"));

const jsonCheck =
  (subject: string): OutputCheck =>
  (value) =>
    value === undefined ? null : asJson(value, subject);

const schemaCheck = (schema: JsonSchema, subject: string, ofNothing: string, makeCheck: CheckMaker): OutputCheck => {
  const compiled = checkable(schema);
  const isRight = makeCheck(compiled);
  const complain = complainerOf(compiled);
  const mayHideOthers = leavesOpen(schema);
  const speaksForItself = ownVoiceOf(schema);
  const shape = isShaped(schema) ? shaperOf(schema, subject) : undefined;
  return (returned) => {
    const value = shape === undefined ? returned : shape(returned);
    if (isRight(value)) return mayHideOthers || speaksForItself?.(value) === true ? asJson(value, subject) : value;
    const [first] = complain(value);
    const wrong = `${first?.path || "the value"} ${first?.message ?? "does not match"}`;
    const advice = value === undefined ? `: ${ofNothing}` : `${streamAdvice(value)}${dateAdvice(value, first?.path ?? "")}`;
    throw internal(new Error(`${subject} does not match its schema: ${wrong}${advice}`));
  };
};

/** Returns advice for a Date where the output schema has another type. For example, a row of a database contains Dates. */
const dateAdvice = (value: unknown, path: string): string => {
  let found = value;
  for (const step of path.split("/").slice(1)) found = Object(found)[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  return found instanceof Date ? ". The value is a Date: return value.toISOString(), or declare the output with shaped()" : "";
};

/**
 * Whether a part of the output schema accepts any value. A value that matches such a schema may contain values that are not JSON.
 */
const leavesOpen = (schema: unknown): boolean => {
  if (!isPlainObject(schema)) return schema === true;
  if ("const" in schema || "enum" in schema) return false;
  const isFree = !["type", "$ref", "anyOf", "oneOf", "allOf", "not"].some((key) => key in schema);
  const isFreeObject = schema["type"] === "object" && !("properties" in schema) && !("patternProperties" in schema);
  const isFreeArray = schema["type"] === "array" && !("items" in schema);
  return isFree || isFreeObject || isFreeArray || [...eachSubschema(schema)].some(([, part]) => leavesOpen(part));
};

/** Whether the value contains a `toJSON` method. With a `toJSON` method, the answer would differ from the checked value. */
type OwnVoice = (value: unknown) => boolean;

const scalars = new Set<unknown>(["string", "number", "integer", "boolean", "null"]);

/**
 * Makes a search for `toJSON` methods that visits only places where the schema allows an object. Returns `undefined` if the
 * schema allows no object.
 */
const ownVoiceOf = (schema: unknown): OwnVoice | undefined => {
  if (!isPlainObject(schema)) return anyOwnVoice;
  if (scalars.has(schema["type"])) return undefined;
  const hasOtherParts = ["$ref", "anyOf", "oneOf", "allOf", "patternProperties", "prefixItems"].some((key) => key in schema);
  if (schema["type"] === "array" && !hasOtherParts) {
    const ofItem = ownVoiceOf(schema["items"]);
    return (value) => "toJSON" in (value as object) || (ofItem !== undefined && (value as unknown[]).some(ofItem));
  }
  if (schema["type"] !== "object" || hasOtherParts || schema["additionalProperties"] !== false) return anyOwnVoice;
  const parts = Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const ofProperty = ownVoiceOf(property);
    return ofProperty === undefined ? [] : [{ name, ofProperty }];
  });
  return (value) => {
    if ("toJSON" in (value as object)) return true;
    for (const { name, ofProperty } of parts) {
      const field = (value as Record<string, unknown>)[name];
      if (field !== undefined && ofProperty(field)) return true;
    }
    return false;
  };
};

const anyOwnVoice: OwnVoice = (value) => {
  if (value === null || typeof value !== "object") return false;
  if ("toJSON" in value) return true;
  for (const key in value) if (anyOwnVoice((value as Record<string, unknown>)[key])) return true;
  return false;
};

const asJson = (value: unknown, subject: string): unknown => {
  const problem = notJson(value);
  if (problem !== undefined)
    throw internal(new Error(`${subject} cannot be sent as JSON: the value contains ${problem}${streamAdvice(value)}`));
  return value;
};

const notJson = (value: unknown): string | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : String(value);
  if (typeof value !== "object") return inWords(value);
  if (!Array.isArray(value) && ![Object.prototype, null].includes(Object.getPrototypeOf(value))) return inWords(value);
  if ("toJSON" in value && typeof value.toJSON === "function") return "an object with toJSON";
  for (const item of Object.values(value)) {
    const problem = item === undefined ? undefined : notJson(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  value !== null && typeof value === "object" && Symbol.asyncIterator in value;

const streamAdvice = (value: unknown): string => (isAsyncIterable(value) ? ": declare output: stream(...)" : "");

/** Describes a returned value in words for the author of the handler. */
const inWords = (value: unknown): string => {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  if (typeof name === "string" && name !== "") return name === "Object" ? "an object" : `a ${name}`;
  // Generators have a constructor without a name.
  return isAsyncIterable(value) ? "an async generator" : Symbol.iterator in value ? "a generator" : "an object of a class";
};
