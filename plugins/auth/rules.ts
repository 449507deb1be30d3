// What the options of authenticators may be, and what to write where they are something else.

import type { OptionRule } from "../../core/plugin-api.ts";

/** An empty one is an environment variable that is not set, and never what was meant. */
const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

export const text: OptionRule = (value) => (isText(value) ? undefined : "Write a text that is not empty");

export const texts: OptionRule = (value) =>
  Array.isArray(value) && value.every(isText) ? undefined : 'Write a list of texts: ["one", "another"]';

export const oneOf =
  (choices: readonly string[]): OptionRule =>
  (value) =>
    choices.includes(value as string) ? undefined : `Write one of ${choices.join(", ")}`;

export const optional =
  (rule: OptionRule): OptionRule =>
  (value) => {
    const remedy = value === undefined ? undefined : rule(value);
    return remedy === undefined ? undefined : `${remedy}, or leave it out`;
  };
