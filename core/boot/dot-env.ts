// Reads `.env` entry by entry. Node's parser reads the value of each entry. If Node's parser read a whole file, the parser would
// silently join a malformed line with the next line, and would set neither variable.

import { parseEnv } from "node:util";
import { BootError, type BootProblem } from "../diagnostics/problem.ts";

/** Matches one line of `.env`: a blank line, a comment, or an entry. The quoted value of an entry may span several lines. */
const statement =
  /[ \t]*(?:#[^\n]*|(?:export[ \t]+)?(?<name>[\w.-]+)[ \t]*=[ \t]*(?<value>(?:"[^"]*"|'[^']*'|`[^`]*`)[ \t]*(?:#[^\n]*)?|(?![ \t]*["'`])[^\n]*))?(?:\n|$)/y;

/**
 * Returns the variables of an `.env` file. @param shown  The name of the file in error messages. @throws {BootError} with the
 * number of each malformed line, without the text of the line.
 */
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
  cause: "This line of .env does not have the form NAME=value",
  remedy: "Write NAME=value, close the quotes of the value, or begin the line with # to make it a comment",
});
