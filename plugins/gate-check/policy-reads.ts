// Watches what a handler's policy functions read. A policy that was written for another handler reads an input or a resource
// that this handler does not have, gets `undefined`, and may then compare `undefined` with `undefined` and allow everybody.
// The compiler refuses such a policy; a manifest in JavaScript is checked only here.

import type { Handler } from "../../core/index.ts";
import { isThenable } from "../../core/model/principal.ts";
import { isPlainObject, propertiesOf } from "../../core/schema/schema.ts";

export class PolicyReads {
  readonly #foreign = new Map<string, Set<string>>();
  readonly #refused: () => void;

  /** @param refused  Called when a policy function refuses a call; not when it throws. */
  constructor(refused: () => void) {
    this.#refused = refused;
  }

  /** @returns The handler's `auth`, in which every policy function is watched. */
  watched(name: string, { auth, input, use }: Pick<Handler, "auth" | "input" | "use">): unknown {
    const inputs = declaredInputs(input);
    const parts = new Set(["principal", "input", ...Object.keys(use ?? {})]);
    const watchedPart = (part: unknown): unknown => {
      if (typeof part !== "function") return part;
      const policy = part as (call: object) => unknown;
      const watching = (call: { readonly input: object }): unknown => {
        const foreign = this.#foreign.get(name) ?? new Set();
        this.#foreign.set(name, foreign);
        const given = inputs === undefined ? call.input : watch(call.input, inputs, (key) => foreign.add(`input.${key}`));
        const noted = (answer: unknown): unknown => {
          if (answer !== true) this.#refused();
          return answer;
        };
        const answer = policy(watch({ ...call, input: given }, parts, (key) => foreign.add(`the resource ${key}`)));
        return isThenable(answer) ? answer.then(noted) : noted(answer);
      };
      return Object.defineProperty(watching, "name", { value: policy.name });
    };
    if (Array.isArray(auth)) return auth.map(watchedPart);
    const any = (auth as { readonly any?: unknown } | undefined)?.any;
    return Array.isArray(any) ? { any: any.map(watchedPart) } : watchedPart(auth);
  }

  /**
   * @returns What the handler's policy functions read and the handler does not have, for example `input.customerId`;
   *   `undefined` when no policy function of it has run.
   */
  foreignTo(handler: string): readonly string[] | undefined {
    const foreign = this.#foreign.get(handler);
    return foreign === undefined ? undefined : [...foreign];
  }
}

/** The names of the inputs; `undefined` where the schema does not list them all. */
const declaredInputs = (schema: unknown): ReadonlySet<string> | undefined => {
  const isOpen =
    isPlainObject(schema) && ["anyOf", "oneOf", "patternProperties", "$ref", "if"].some((keyword) => keyword in schema);
  return isOpen ? undefined : new Set(Object.keys(propertiesOf(schema)));
};

const watch = <Value extends object>(value: Value, known: ReadonlySet<string>, unknown: (key: string) => void): Value =>
  new Proxy(value, {
    get: (target, key, receiver) => {
      if (typeof key === "string" && !known.has(key) && !(key in Object.prototype)) unknown(key);
      return Reflect.get(target, key, receiver);
    },
  });
