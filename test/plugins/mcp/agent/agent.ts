// A scripted agent. The agent has no code for the tools of an app. The agent matches the words of its task with the names,
// descriptions and schemas in the list of tools, fills arguments by their schemas from the task and from earlier results, and
// acts on the text of errors. A test checks that this file contains no names of the shop.

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: Schema;
  readonly annotations?: { readonly readOnlyHint?: boolean | undefined } | undefined;
}

export interface Result {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: unknown;
  readonly meta: Readonly<Record<string, unknown>>;
}

type Values = Readonly<Record<string, unknown>>;

export interface Surroundings {
  readonly list: () => Promise<readonly Tool[]>;
  readonly call: (name: string, values: Values) => Promise<Result>;
  /** Sends a text to the user. */
  readonly tell: (text: string) => void;
  /** Waits before the next try. */
  readonly pause: () => Promise<void>;
}

export type Entry =
  | { readonly kind: "task" | "thought" | "user" | "person"; readonly text: string }
  | { readonly kind: "call"; readonly name: string; readonly values: Values }
  | { readonly kind: "result"; readonly result: Result };

/** Words of tasks for which tools often have another word. */
const synonyms: Readonly<Record<string, readonly string[]>> = { find: ["find", "list", "search"] };

const wordsOf = (text: string): readonly string[] =>
  (
    text
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .match(/[a-z]+/g) ?? []
  ).map((word) => word.replace(/s$/, ""));

const soughtIn = (task: string): ReadonlySet<string> => new Set(wordsOf(task).flatMap((word) => synonyms[word] ?? [word]));

const countOf = (sought: ReadonlySet<string>, text: string): number =>
  new Set(wordsOf(text).filter((word) => sought.has(word))).size;

/** A word in the name of a tool has more weight than a word in the texts about its arguments. */
const scoreOf = (sought: ReadonlySet<string>, { name, description = "", inputSchema }: Tool): number =>
  9 * countOf(sought, name) + 3 * countOf(sought, description) + countOf(sought, JSON.stringify(inputSchema));

/** How often the agent repeats a call that waits for a person. */
const patience = 5;

export class Agent {
  readonly transcript: Entry[] = [];
  readonly #around: Surroundings;
  readonly #tools: readonly Tool[];
  /** The texts in earlier results, with their keys. The newest result is first. */
  #known: readonly (readonly [key: string, value: string])[] = [];

  static async among(around: Surroundings): Promise<Agent> {
    return new Agent(around, await around.list());
  }

  private constructor(around: Surroundings, tools: readonly Tool[]) {
    this.#around = around;
    this.#tools = tools;
  }

  /** Does the sentences of a task one after the other. @returns The last call, and its result. */
  async do(task: readonly string[]): Promise<{ name: string; values: Values; result: Result }> {
    let last: { name: string; values: Values; result: Result } | undefined;
    for (const sentence of task) {
      this.transcript.push({ kind: "task", text: sentence });
      const tool = this.#toolFor(sentence);
      const values = this.#valuesFor(sentence, tool.inputSchema);
      const result = await this.#finish(tool.name, values);
      this.#known = [...textsIn(result.structured), ...this.#known];
      last = { name: tool.name, values, result };
    }
    if (last === undefined) throw new Error("The task has no sentence");
    return last;
  }

  /** Repeats a call, as after a lost answer. @returns Whether the call ran now. */
  async repeat(name: string, values: Values): Promise<boolean> {
    const { isError, text } = await this.#call(name, values);
    if (!isError) return true;
    const ran = /identical call ran before, at (\S+), and (\w+)/.exec(text);
    if (ran === null || !/do not repeat the call/.test(text)) throw new Error(`The agent does not understand: ${text}`);
    this.#say("The earlier call has run already, and this repetition has not. I report the outcome and do not repeat the call.");
    this.#tell(`The call ran at ${ran[1]} and ${ran[2]}.`);
    return false;
  }

  #toolFor(sentence: string): Tool {
    const sought = soughtIn(sentence);
    // A sentence that only asks for something must not change anything.
    const isReading = sought.has("find");
    const [best] = this.#tools
      .filter(({ annotations }) => !isReading || annotations?.readOnlyHint === true)
      .toSorted((one, other) => scoreOf(sought, other) - scoreOf(sought, one));
    if (best === undefined) throw new Error(`No tool matches: ${sentence}`);
    const needsPerson = /\bapprove\b/.test(best.description ?? "");
    this.#say(
      `The tool ${best.name} matches best: ${JSON.stringify(best.description)}${needsPerson ? " A person must agree first." : ""}`,
    );
    return best;
  }

  #valuesFor(sentence: string, { properties = {}, required = [] }: Schema): Values {
    const values: Record<string, unknown> = {};
    for (const [name, schema] of Object.entries(properties)) {
      const value = this.#valueFor(sentence, name, schema, required.includes(name));
      if (value !== undefined) values[name] = value;
      else if (required.includes(name)) throw new Error(`The agent does not know ${name}`);
    }
    return values;
  }

  #valueFor(sentence: string, name: string, schema: Schema, isRequired: boolean): unknown {
    const sought = soughtIn(sentence);
    const about = soughtIn(`${name} ${schema.description ?? ""}`);
    if (schema.enum !== undefined) return schema.enum.find((value) => sought.has(String(value)));
    if (schema.type === "integer" || schema.type === "number") {
      // A number belongs to the argument that has the unit behind the number.
      for (const [, number, unit = ""] of sentence.matchAll(/(\d+) ([a-z]+)/g))
        if (countOf(about, unit) > 0) return Number(number);
      return undefined;
    }
    const said = new RegExp(`\\b${name}: ([^.]+)`).exec(sentence)?.[1];
    if (said !== undefined || !isRequired) return said;
    const pattern = new RegExp(schema.pattern ?? "");
    return this.#known.find(([key, value]) => (key === name || key === "id") && pattern.test(value))?.[1];
  }

  /** Calls until the call has run. */
  async #finish(name: string, values: Values): Promise<Result> {
    for (let round = 0; round < patience; round++) {
      const result = await this.#call(name, values);
      if (!result.isError) return result;
      if (!/must approve/.test(result.text) || !/repeat this call with the same arguments/.test(result.text))
        throw new Error(`The agent does not understand: ${result.text}`);
      const { url } = Object(result.meta["quater/approval"]) as { url?: string };
      this.#say("The call has not run. I wait, and then repeat the call with the same arguments.");
      if (round === 0) this.#tell(`A person must approve the call at ${url}.`);
      await this.#around.pause();
    }
    throw new Error("Nobody approved the call");
  }

  async #call(name: string, values: Values): Promise<Result> {
    this.transcript.push({ kind: "call", name, values });
    const result = await this.#around.call(name, values);
    this.transcript.push({ kind: "result", result });
    return result;
  }

  #say(text: string): void {
    this.transcript.push({ kind: "thought", text });
  }

  #tell(text: string): void {
    this.transcript.push({ kind: "user", text });
    this.#around.tell(text);
  }
}

/** The texts in a result, from the outside to the inside, with their keys. */
const textsIn = (value: unknown, key = ""): readonly (readonly [string, string])[] => {
  if (typeof value === "string") return [[key, value]];
  if (Array.isArray(value)) return value.flatMap((one) => textsIn(one, key));
  return value !== null && typeof value === "object" ? Object.entries(value).flatMap(([name, one]) => textsIn(one, name)) : [];
};
