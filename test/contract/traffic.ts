// Calls to a running app, made of its own document: accepted ones, and ones with a fault in one place.

import fc from "fast-check";
import type { Described, Document, Parameter, Received, Schema } from "./document.ts";
import { acceptedBy, wrongsOf } from "./values.ts";

/** What the traffic must know of an app beside its document. */
export interface Target {
  readonly baseUrl: string;
  readonly document: Document;
  /** Headers of callers. The first may do everything. */
  readonly callers: readonly Readonly<Record<string, string>>[];
  /** Inputs whose values exist in the app, by name. Answers add to them: `{ slug: ["slug"] }` names members of answers. */
  readonly learns: Readonly<Record<string, readonly string[]>>;
  /** Operations that leave fields out that they do not know. */
  readonly dropping: readonly string[];
  /** Refusals of rules that no schema says. */
  readonly rules: readonly RegExp[];
  /** The places that a refused input names. */
  readonly placesOf: (body: unknown) => readonly string[];
}

interface Made {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly pick: number;
}

export interface Call {
  readonly operation: Described;
  readonly target: string;
  readonly init: { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string };
  /** Where its fault is; `undefined` for a call without a fault. */
  readonly fault?: string;
  readonly isAnonymous: boolean;
}

const key = ({ in: place, name }: Parameter): string => `${place} ${name}`;
/** A path parameter is a segment of a URL. A header has printable characters of ASCII, and no space at its ends. */
const fitsPlace = ({ in: place }: Parameter, value: unknown): boolean =>
  place === "path"
    ? !["", ".", "..", "feed"].includes(String(value))
    : place === "query" || /^[!-~](?:[ -~]*[!-~])?$/.test(String(value));

export class Traffic {
  readonly #target: Target;
  readonly #known = new Map<string, string[]>();
  readonly #made: ReadonlyMap<Described, fc.Arbitrary<Made>>;

  constructor(target: Target) {
    this.#target = target;
    this.#made = new Map(target.document.operations.map((operation) => [operation, this.#madeFor(operation)]));
  }

  /** Accepted calls, as many for each operation. */
  *accepted(count: number, seed: number): Generator<Call> {
    for (const { operation, made } of this.#rounds(count, seed)) yield this.#call(operation, this.#withKnown(operation, made));
  }

  /** Calls with one fault. */
  *wrong(count: number, seed: number): Generator<Call> {
    for (const { operation, made } of this.#rounds(count, seed)) {
      const call = this.#wrongCall(operation, made);
      if (call !== undefined) yield call;
    }
  }

  *#rounds(count: number, seed: number): Generator<{ readonly operation: Described; readonly made: Made }> {
    const { operations } = this.#target.document;
    const each = Math.ceil(count / operations.length);
    const samples = operations.map((operation, index) => {
      const arbitrary = this.#made.get(operation) as fc.Arbitrary<Made>;
      return { operation, samples: fc.sample(arbitrary, { numRuns: each, seed: seed + index }) };
    });
    for (let round = 0; round < each; round++)
      for (const { operation, samples: of } of samples) yield { operation, made: of[round] as Made };
  }

  #madeFor({ parameters, body }: Described): fc.Arbitrary<Made> {
    const { document } = this.#target;
    const model = Object.fromEntries(
      parameters.map((one) => [key(one), acceptedBy(document, one.schema).filter((value) => fitsPlace(one, value))]),
    );
    const requiredKeys = parameters.filter(({ required }) => required).map(key);
    const accepted = body === undefined ? fc.constant(undefined) : acceptedBy(document, body.schema);
    return fc.record({
      parameters: fc.record(model, { requiredKeys }) as fc.Arbitrary<Made["parameters"]>,
      body: body?.required === false ? fc.oneof({ weight: 9, arbitrary: accepted }, fc.constant(undefined)) : accepted,
      pick: fc.nat(),
    });
  }

  /** Puts values that exist in the place of most made ones. */
  #withKnown({ parameters: given, body: of }: Described, { parameters, body, pick }: Made): Made {
    const { document } = this.#target;
    const known = (name: string, value: unknown, schema: Schema): unknown => {
      const values = (this.#known.get(name) ?? []).filter(
        (one) => document.fits(schema, one) || document.fits(schema, Number(one)),
      );
      return values.length === 0 || pick % 4 === 0 || typeof value === "object" ? value : values[pick % values.length];
    };
    const replaced = (value: unknown, at: Schema): unknown => {
      const { properties = {} } = document.followed(at) as { readonly properties?: Readonly<Record<string, Schema>> };
      if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
      const parts = Object.entries(value).map(([name, part]) => {
        const schema = properties[name] ?? {};
        return [name, typeof part === "string" ? known(name, part, schema) : replaced(part, schema)];
      });
      return Object.fromEntries(parts);
    };
    const texts = given.flatMap((one) =>
      Object.hasOwn(parameters, key(one)) ? [[key(one), known(one.name, parameters[key(one)], one.schema)]] : [],
    );
    return { parameters: Object.fromEntries(texts), body: of === undefined ? undefined : replaced(body, of.schema), pick };
  }

  #call(operation: Described, { parameters, body, pick }: Made, more = ""): Call {
    const { callers } = this.#target;
    const isAnonymous = more === "" && pick % 23 === 0;
    const caller = isAnonymous ? {} : (callers[more === "" && pick % 11 === 0 ? pick % callers.length : 0] ?? {});
    const of = (place: Parameter["in"]) =>
      operation.parameters.filter((one) => one.in === place && Object.hasOwn(parameters, key(one)));
    const path = of("path").reduce(
      (text, one) => text.replace(`{${one.name}}`, encodeURIComponent(String(parameters[key(one)]))),
      operation.path,
    );
    const query = of("query").flatMap((one) =>
      [parameters[key(one)]].flat().map((value) => `${encodeURIComponent(one.name)}=${encodeURIComponent(String(value))}`),
    );
    const headers = Object.fromEntries(of("header").map((one) => [one.name, String(parameters[key(one)])]));
    const search = [...query, ...(more === "" ? [] : [more])].join("&");
    return {
      operation,
      target: search === "" ? path : `${path}?${search}`,
      init: {
        method: operation.method,
        headers: { ...caller, ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
      isAnonymous,
    };
  }

  #wrongCall(operation: Described, made: Made): Call | undefined {
    const { pick } = made;
    const certain = { ...made, pick: 1 };
    const found = [...this.#wrongTexts(operation, certain), ...this.#wrongBodies(operation, certain)];
    const chosen = found[pick % Math.max(found.length, 1)];
    return chosen?.();
  }

  #wrongTexts(operation: Described, made: Made): readonly (() => Call)[] {
    const { dropping } = this.#target;
    const texts = operation.parameters.flatMap((one) => {
      const faults = this.#textFaults(one, made.parameters[key(one)]).filter((value) => fitsPlace(one, value));
      return faults.map((value) => () => {
        const parameters = { ...made.parameters, [key(one)]: value };
        return { ...this.#call(operation, { ...made, parameters }), fault: `/${nameOf(one)}` };
      });
    });
    const queries = operation.parameters.filter((one) => one.in === "query");
    const twice = queries.flatMap((one) =>
      this.#target.document.followed(one.schema)["type"] === "array" || !Object.hasOwn(made.parameters, key(one))
        ? []
        : [() => ({ ...this.#call(operation, made, `${one.name}=1`), fault: `/${one.name}` })],
    );
    const absent = queries.flatMap((one) => {
      if (!one.required) return [];
      const { [key(one)]: _, ...parameters } = made.parameters;
      return [() => ({ ...this.#call(operation, { ...made, parameters }), fault: `/${one.name}` })];
    });
    const extra = dropping.includes(operation.id) ? [] : [() => ({ ...this.#call(operation, made, "extra=1"), fault: "/extra" })];
    return [...texts, ...twice, ...absent, ...extra];
  }

  /** Texts beside those that a parameter takes. */
  #textFaults({ schema: given }: Parameter, value: unknown): readonly string[] {
    const { document } = this.#target;
    const schema = document.followed(given);
    if (schema["type"] === "array") return this.#textFaults({ schema: schema["items"] } as Parameter, undefined);
    if (schema["type"] !== "string") {
      const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema as Readonly<Record<string, number>>;
      return ["x", "1.5", " 7", "7 ", "0x7", "1_0", "", String(minimum - 1), String(maximum + 1), "9007199254740993"];
    }
    const sample = typeof value === "string" ? value : "a";
    const texts = wrongsOf(document, schema, sample).map((wrong) => wrong.value);
    return texts.filter((wrong): wrong is string => typeof wrong === "string" && !document.fits(schema, wrong));
  }

  #wrongBodies(operation: Described, made: Made): readonly (() => Call)[] {
    const { body } = operation;
    const { document } = this.#target;
    if (body === undefined || made.body === undefined) return [];
    const wrongs = wrongsOf(document, body.schema, made.body).filter(({ value }) => !document.fits(body.schema, value));
    const absent = body.required ? [{ path: "", value: undefined }] : [];
    return [...wrongs, ...absent].map(({ path, value }) => () => ({
      ...this.#call(operation, { ...made, body: value }),
      fault: path,
    }));
  }

  /** Sends a call. @param baseUrl  Default: that of the app. */
  async send({ target, init }: Call, baseUrl = this.#target.baseUrl): Promise<Received> {
    const response = await fetch(baseUrl + target, init);
    const text = await response.text();
    if (/^application\/(?:problem\+)?json/.test(response.headers.get("content-type") ?? "")) this.#learn(JSON.parse(text));
    return { status: response.status, headers: response.headers, text };
  }

  #learn(answer: unknown): void {
    for (const [name, members] of Object.entries(this.#target.learns)) {
      const known = this.#known.get(name) ?? [];
      for (const value of members.flatMap((member) => valuesAt(answer, member.split("."))))
        if (!known.includes(value)) known.push(value);
      if (known.length > 0) this.#known.set(name, known.slice(-30));
    }
  }
}

/** The name under which an input is refused: a header may be bound to an input of another name. */
const nameOf = ({ name, in: place }: Parameter): string => (place === "header" ? "" : name);

/** The values of a member in an answer, also in the items of lists on the way. */
const valuesAt = (value: unknown, [first, ...rest]: readonly string[]): readonly string[] => {
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, first === undefined ? [] : [first, ...rest]));
  if (first !== undefined) return valuesAt((value as Schema | null | undefined)?.[first], rest);
  return typeof value === "string" || typeof value === "number" ? [String(value)] : [];
};
