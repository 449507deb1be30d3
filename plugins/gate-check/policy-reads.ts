// Records which inputs and resources a handler's policy functions read. A policy that was written for another handler may read an
// input or a resource that this handler does not have. In this case the policy reads `undefined`, may compare `undefined` with
// `undefined`, and may allow everybody. The TypeScript compiler refuses such a policy. In a manifest in JavaScript, only this
// check of the gate suite finds such a policy.

import type { Handler } from "../../core/index.ts";
import { isNamedPolicy, mapPolicies } from "../../core/model/policy.ts";
import { isThenable } from "../../core/model/principal.ts";
import type { Uses } from "../../core/model/resource.ts";
import { isPlainObject, propertiesOf } from "../../core/schema/schema.ts";

export class PolicyReads {
  readonly #foreign = new Map<string, Set<string>>();
  readonly #refused: () => void;

  /**
   * @param refused  A watched policy function calls `refused` when the policy function refuses a call, but not when it throws an
   *   error.
   */
  constructor(refused: () => void) {
    this.#refused = refused;
  }

  /**
   * @param standInsOf  Returns the stand-ins for the resources that a policy names in its own `use`.
   * @returns The handler's `auth`, in which `PolicyReads` watches each policy that may read more than the principal.
   */
  watched(
    name: string,
    { auth, input, use }: Pick<Handler, "auth" | "input" | "use">,
    standInsOf: (use: Uses | undefined) => Uses | undefined,
  ): unknown {
    const inputs = declaredInputs(input);
    const watching = (policy: (call: never) => unknown, uses: Uses | undefined) => {
      const parts = new Set(["principal", "input", ...Object.keys(uses ?? {})]);
      return (call: { readonly input: object }): unknown => {
        const foreign = this.#foreign.get(name) ?? new Set();
        this.#foreign.set(name, foreign);
        const given = inputs === undefined ? call.input : watch(call.input, inputs, (key) => foreign.add(`input.${key}`));
        const noted = (answer: unknown): unknown => {
          if (answer !== true) this.#refused();
          return answer;
        };
        const answer = policy(watch({ ...call, input: given }, parts, (key) => foreign.add(`the resource ${key}`)) as never);
        return isThenable(answer) ? answer.then(noted) : noted(answer);
      };
    };
    return mapPolicies(auth, (part) => {
      if (typeof part === "function") return Object.defineProperty(watching(part as never, use), "name", { value: part.name });
      if (!isNamedPolicy(part) || typeof part.allow !== "function") return part;
      const { use: own, ...policy } = part;
      const standIns = standInsOf(own);
      return { ...policy, ...(standIns === undefined ? {} : { use: standIns }), allow: watching(part.allow, own) };
    });
  }

  /**
   * @returns The inputs and resources that the policy functions of the handler read although the handler does not have them, for
   *   example `input.customerId`. `undefined` when no policy function of the handler has run.
   */
  foreignTo(handler: string): readonly string[] | undefined {
    const foreign = this.#foreign.get(handler);
    return foreign === undefined ? undefined : [...foreign];
  }
}

/** Returns the names of the inputs in a schema; `undefined` when the schema does not list all inputs. */
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
