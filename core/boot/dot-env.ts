// What `.env` says, entry by entry. Node reads the values; but given a whole file it takes a line that it cannot read
// together with the next one, and neither would be set without a word.

import { parseEnv } from "node:util";
import { BootError, type BootProblem } from "../diagnostics/problem.ts";

/** A blank line, a comment, or an entry, whose value may span lines where it is quoted. */
const statement =
  /[ \t]*(?:#[^\n]*|(?:export[ \t]+)?(?<name>[\w.-]+)[ \t]*=[ \t]*(?<value>(?:"[^"]*"|'[^']*'|`[^`]*`)[ \t]*(?:#[^\n]*)?|(?![ \t]*["'`])[^\n]*))?(?:\n|$)/y;

/** @param shown  The file, for messages. @throws {BootError} that names each line which is none of these, and not what it says. */
export const entriesOf = (text: string, shown: string): ReadonlyMap<string, string> => {
  const lines = text.replace(/^\u{feff}/u, "").replaceAll("\r\n", "\n");
  const entries = new Map<string, string>();
  const problems: BootProblem[] = [];
  for (let at = 0; at < lines.length; ) {
    statement.lastIndex = at;
    const found = statement.exec(lines);
    if (found === null) {
      problems.push(unreadable(`${shown}:${lines.slice(0, at).split("\n").length}`));
      const end = lines.indexOf("\n", at);
      at = end === -1 ? lines.length : end + 1;
      continue;
    }
    at += found[0].length;
    const { name, value = "" } = found.groups ?? {};
    if (name === undefined) continue;
    for (const [key, read] of Object.entries(parseEnv(`${name}=${value}`))) if (read !== undefined) entries.set(key, read);
  }
  if (problems.length > 0) throw new BootError(problems);
  return entries;
};

const unreadable = (place: string): BootProblem => ({
  place,
  cause: "The line is no NAME=value",
  remedy: "Write it so, close its quotes, or begin it with #",
});
