// Adds a server to a configuration file in JSON, or in JSON with comments. This file changes only the text of the entry, so
// comments and the format of other entries stay the same.

import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode, stripComments } from "jsonc-parser";
import { isPlainObject } from "../../../core/schema/schema.ts";
import { BrokenFile, type Edit, type Edited, isSame } from "./edited.ts";

export const editJson: Edit = (text, { member, name, entry, hasComments }): Edited => {
  const root = objectIn(text, hasComments);
  const servers = memberOf(root, member);
  const style = styleOf(text);
  if (servers === undefined) return inserted(text, root, member, { [name]: entry }, style);
  if (servers.type !== "object") throw new BrokenFile(`${member} is not an object`);
  const there = memberOf(servers, name);
  if (there === undefined) return inserted(text, servers, name, entry, style);
  if (isSame(getNodeValue(there), entry)) return { text, was: "same" };
  const value = written(entry, indentAt(text, there.offset), style);
  return { text: text.slice(0, there.offset) + value + text.slice(there.offset + there.length), was: "other" };
};

export const newJson = (member: string, name: string, entry: unknown): string =>
  `${JSON.stringify({ [member]: { [name]: entry } }, null, 2)}\n`;

/** Returns the value of a whole configuration file. @throws {BrokenFile} */
export const readJson = (text: string, hasComments: boolean): unknown => getNodeValue(objectIn(text, hasComments));

const objectIn = (text: string, hasComments: boolean): Node => {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: hasComments, disallowComments: !hasComments });
  const [first] = errors;
  if (first !== undefined) throw new BrokenFile(`${printParseErrorCode(first.error)} at ${positionIn(text, first.offset)}`);
  if (root === undefined || !isPlainObject(getNodeValue(root))) throw new BrokenFile("the file does not contain an object");
  return root;
};

const positionIn = (text: string, offset: number): string => {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
};

/** @throws {BrokenFile} when an object repeats a member, because programs then disagree about the value of the member. */
const memberOf = ({ children = [] }: Node, name: string): Node | undefined => {
  const found = children.filter(({ children: [key] = [] }) => key?.value === name);
  if (found.length > 1) throw new BrokenFile(`${name} is there ${found.length} times`);
  return found[0]?.children?.[1];
};

interface Style {
  readonly indent: string;
  readonly newline: string;
}

const styleOf = (text: string): Style => ({
  indent: /\n([ \t]+)"/.exec(text)?.[1] ?? "  ",
  newline: text.includes("\r\n") ? "\r\n" : "\n",
});

/** Returns the white space at the start of the line that contains an offset. */
const indentAt = (text: string, offset: number): string =>
  /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset))?.[0] ?? "";

/** Returns a value as indented JSON, without indentation on its first line. */
const written = (value: unknown, indent: string, { indent: unit, newline }: Style): string =>
  JSON.stringify(value, null, unit).replaceAll("\n", `${newline}${indent}`);

/** Adds a member to an object after all other members and after the comments of these members. */
const inserted = (text: string, { offset, length, children = [] }: Node, name: string, value: unknown, style: Style): Edited => {
  const { indent, newline } = style;
  const outer = indentAt(text, offset);
  const inner = `${outer}${indent}`;
  const end = offset + length - 1; // The position of the closing brace.
  const last = children.at(-1);
  const lastEnd = last === undefined ? offset + 1 : last.offset + last.length;
  const between = text.slice(lastEnd, end).trimEnd();
  const comma = last === undefined || stripComments(between).includes(",") ? "" : ",";
  const line = `${newline}${inner}${JSON.stringify(name)}: ${written(value, inner, style)}${newline}${outer}`;
  return { text: `${text.slice(0, lastEnd)}${comma}${between}${line}${text.slice(end)}`, was: "absent" };
};
