// Selects the fields of a result that the flag `--columns id,customer.name` names.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import type { Terminal } from "./terminal.ts";

/** Selects the named columns of each object of a result, and remembers which columns were found. */
export class Columns {
  readonly #names: readonly string[];
  readonly #missing: Set<string>;
  readonly #known = new Set<string>();

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#missing = new Set(names);
  }

  /** Returns the selected fields of an object, or of each object in a list. Returns other values unchanged. */
  of(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.of(item));
    if (value === null || typeof value !== "object") return value;
    for (const name of Object.keys(value)) this.#known.add(name);
    return Object.fromEntries(
      this.#names.map((name) => {
        const found = fieldIn(value, name);
        if (found !== undefined) this.#missing.delete(name);
        return [name, found ?? null];
      }),
    );
  }

  /** Prints the names of the columns that no object of the result had. */
  report(terminal: Terminal): void {
    if (this.#missing.size === 0 || this.#known.size === 0) return;
    const [missing, known] = [this.#missing, this.#known].map((names) => cut(visible([...names].join(", ")), 400));
    terminal.say(`The result has no column ${missing}. Its fields are ${known}\n`);
  }
}

/** Finds a field of an object by the whole name of the field, or by the names of nested objects with dots between them. */
const fieldIn = (value: object, path: string): unknown => {
  if (Object.hasOwn(value, path)) return (value as Readonly<Record<string, unknown>>)[path];
  const dot = path.indexOf(".");
  const first = dot === -1 ? undefined : fieldIn(value, path.slice(0, dot));
  return first === null || typeof first !== "object" ? undefined : fieldIn(first, path.slice(dot + 1));
};
