// The exposure key `lock`: its values, its compile-time check, its checks at boot, and the function that returns which lock a
// call needs.

import { createHash } from "node:crypto";
import { nearest } from "../../../core/diagnostics/text.ts";
import { type Static, Type } from "../../../core/index.ts";
import { exposureKey, type KeyProblem } from "../../../core/plugin/exposure-key.ts";
import type { BootProblem, Operation, Refused } from "../../../core/plugin-api.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import { hasSecret, propertiesOf } from "../../../core/schema/schema.ts";

/** The name of a lock, or the name and an input for one lock per value of this input: `{ name: "order", by: "orderId" }`. */
export type LockExposure = string | { readonly name: string; readonly by: string };

/** A compile-time check that `by` is an input of the handler. */
export type LockRule<Input, Given> = Given extends { readonly by: infer By extends string }
  ? {
      readonly [Key in keyof Given | "name"]: Key extends "name"
        ? string
        : Key extends "by"
          ? By extends keyof Input
            ? By
            : Refused<`lock.by names ${By}, which is not a property of the handler's input`>
          : Refused<`A lock has no option ${Key & string}`>;
    }
  : LockExposure;

const lockName = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_.:-]{0,63}$" });

const lockSchema = Type.Union([
  lockName,
  Type.Object({ name: lockName, by: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
]);

interface Lock {
  readonly name: string;
  /** The input that distinguishes the locks with the same name. Absent if all calls need the same lock. */
  readonly by?: string;
}

const lockIn = (given: Static<typeof lockSchema>): Lock => (typeof given === "string" ? { name: given } : given);

export const lockKey = exposureKey("lock", lockSchema, {
  owner: "store",
  remedy:
    'Write lock: "order" or lock: { name: "order", by: "orderId" }. A name must begin with a letter and have at most 64 letters, digits, or _ . : -',
  check: (given, operation) => lockProblems(lockIn(given), operation),
  resolve: lockIn,
});

/**
 * Returns the lock that calls of a handler need. A handler with a preview and an approval has a lock by default. Without a lock,
 * the preview that people approved could become stale before the handler runs.
 */
export const lockOf = (operation: Operation): Lock | undefined => {
  const { handler, name, needsApproval } = operation;
  return lockKey.of(operation) ?? (handler.preview !== undefined && needsApproval ? { name } : undefined);
};

/**
 * Returns the key of a lock in the store. Calls with equal values of the input `by` get equal keys, and calls without a value of
 * `by` get their own key. The key is a digest, because the values can be long or personal, and PostgreSQL cannot index long
 * texts.
 */
export const lockKeyOf = ({ name, by }: Lock, input: unknown): string => {
  const value = by === undefined ? undefined : (input as Readonly<Record<string, unknown>>)[by];
  const text = canonicalText([name, by !== undefined, ...(value === undefined ? [] : [value])]);
  return createHash("sha256").update(text).digest("base64url");
};

/** Checks that `by` is an input of the handler, for projects without the TypeScript compiler. */
const lockProblems = ({ by }: Lock, { name, input }: Operation): readonly KeyProblem[] => {
  if (by === undefined) return [];
  const properties = propertiesOf(input);
  const property = Object.hasOwn(properties, by) ? properties[by] : undefined;
  if (property === undefined) {
    const near = nearest(by, Object.keys(properties));
    const inputs = Object.keys(properties).join(", ");
    const list =
      inputs === ""
        ? 'The handler has no inputs. Write only the name of the lock: lock: "order"'
        : `Use one of the inputs ${inputs}`;
    return [
      {
        cause: `In the exposure of ${name}, lock.by names ${by}, which is not a property of the handler's input`,
        remedy: near === undefined ? list : `Did you mean "${near}"?`,
      },
    ];
  }
  if (!hasSecret({ type: "object", properties: { [by]: property } })) return [];
  return [
    {
      cause: `In the exposure of ${name}, lock.by names ${by}, which is a secret() field`,
      remedy: "Write another input in lock.by, such as an id",
    },
  ];
};

/**
 * Returns a boot problem for each lock name that some handlers use with `by` and other handlers use without `by`. Calls of these
 * handlers would not exclude each other.
 */
export const sharedLockProblems = (operations: readonly Operation[]): readonly BootProblem[] => {
  const byName = new Map<string, { readonly operation: Operation; readonly isByInput: boolean }>();
  return operations.flatMap((operation) => {
    const lock = lockOf(operation);
    if (lock === undefined) return [];
    const isByInput = lock.by !== undefined;
    const first = byName.get(lock.name);
    if (first === undefined) byName.set(lock.name, { operation, isByInput });
    if (first === undefined || first.isByInput === isByInput) return [];
    const [whole, part] = isByInput ? [first.operation, operation] : [operation, first.operation];
    return [
      {
        place: operation.place,
        plugin: "store",
        cause: `${whole.name} uses the lock ${lock.name} without by, but ${part.name} uses it with by, so their calls could run at the same time`,
        remedy: "Add by to both locks, remove by from both, or give one of the locks another name",
      },
    ];
  });
};
