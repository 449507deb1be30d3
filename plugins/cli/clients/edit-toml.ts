// Adds a server to a configuration file in TOML. Comments and other entries stay the same.

import { parse, patch, stringify } from "@decimalturn/toml-patch";
import { isPlainObject } from "../../../core/schema/schema.ts";
import { BrokenFile, type Edit, type Edited, isSame } from "./edited.ts";

export const editToml: Edit = (text, { member, name, entry }): Edited => {
  const old = readToml(text);
  const servers = old[member] ?? {};
  if (!isPlainObject(servers)) throw new BrokenFile(`${member} is not a table`);
  const there = servers[name];
  if (isSame(there, entry)) return { text, was: "same" };
  const wanted = { ...old, [member]: { ...servers, [name]: entry } };
  if (there !== undefined) return { text: patch(text, wanted), was: "other" };
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" ? "" : text.endsWith("\n") ? newline : newline + newline;
  const added = text + gap + newToml(member, name, entry).replaceAll("\n", newline);
  // If the file contains all servers in one inline table, a new table at the end of the file is not valid.
  return { text: isSame(parsed(added), wanted) ? added : patch(text, wanted), was: "absent" };
};

export const newToml = (member: string, name: string, entry: unknown): string =>
  isPlainObject(entry) ? `[${member}.${name}]\n${stringify(entry)}` : `[${member}]\n${stringify({ [name]: entry })}`;

/** Returns the value of a configuration file in TOML. @throws {BrokenFile} */
export const readToml = (text: string): Readonly<Record<string, unknown>> => {
  try {
    return parse(text) as Readonly<Record<string, unknown>>;
  } catch (error) {
    // The error message of the library quotes a line of the configuration file, which may contain a secret.
    const { line, column } = error as { readonly line?: number; readonly column?: number };
    const where = line === undefined || column === undefined ? "" : ` (${line}, ${column + 1})`;
    throw new BrokenFile(`Error parsing TOML${where}`);
  }
};

const parsed = (text: string): unknown => {
  try {
    return parse(text);
  } catch {
    return undefined; // The text is not valid TOML.
  }
};
