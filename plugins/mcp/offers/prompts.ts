// Offers handlers as prompts. When a client gets a prompt, Quater calls the handler with the arguments of the prompt, which are
// texts, and returns the messages of the handler.

import type { Catalog, Operation } from "../../../core/plugin-api.ts";
import { propertiesOf } from "../../../core/schema/schema.ts";
import { mcpKey, required, shownIn } from "./exposure.ts";
import { type Entry, List } from "./lists.ts";

const argumentsOf = (operation: Operation) => {
  const needed = required(operation);
  return Object.entries(propertiesOf(operation.input)).map(([name, { title, description }]) => ({
    name,
    ...(typeof title === "string" ? { title } : {}),
    ...(typeof description === "string" ? { description } : {}),
    required: needed.includes(name),
  }));
};

const promptIn = (operation: Operation): readonly Entry[] => {
  const exposure = mcpKey.of(operation);
  if (exposure?.prompt !== true) return [];
  const taken = argumentsOf(operation);
  const descriptor = {
    name: operation.name,
    ...shownIn(exposure),
    description: operation.handler.description,
    ...(taken.length === 0 ? {} : { arguments: taken }),
  };
  return [{ operation, json: JSON.stringify(descriptor) }];
};

export class Prompts {
  readonly #byName: ReadonlyMap<string, Operation>;
  readonly list: List;

  constructor({ operations }: Catalog) {
    const all = operations.flatMap(promptIn);
    this.#byName = new Map(all.map(({ operation }) => [operation.name, operation]));
    this.list = new List("prompts", all);
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  find(name: string): Operation | undefined {
    return this.#byName.get(name);
  }
}
