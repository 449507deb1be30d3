// Describes a command. The program makes help texts, the CLI reference and the list for completion from such descriptions.

import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import { aligned } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";

export interface FlagHelp {
  /** The flag as users type it, such as `--limit`. */
  readonly flag: string;
  /** The flag with a placeholder for its value, such as `--limit <integer>`. */
  readonly spelled: string;
  readonly about: string;
  readonly takesValue: boolean;
  /** The values that the flag accepts, if the input schema lists the values. */
  readonly values?: readonly string[];
}

export interface CommandHelp {
  /** The words of the command, such as `["audit", "tail"]`. */
  readonly path: readonly string[];
  /** The usage line without the word `quater`, such as `audit tail [flags]`. */
  readonly usage: string;
  readonly description: string;
  readonly details?: string | undefined;
  readonly flags: readonly FlagHelp[];
  /** Command lines with descriptions, such as `["Show the newest events", "quater audit tail"]`. */
  readonly examples: readonly (readonly [what: string, line: string])[];
  /** The words that may follow the words of the command: names of actions, or a fixed list. */
  readonly words?: "actions" | readonly string[];
}

/** Returns the description of the typed command, or the descriptions of all commands that begin with the typed words. */
export const helpsFor = (helps: readonly CommandHelp[], words: readonly string[]): readonly CommandHelp[] => {
  const end = words.findIndex((word) => word.startsWith("-"));
  const typed = end === -1 ? words : words.slice(0, end);
  const isBeginning = (short: readonly string[], long: readonly string[]) => short.every((word, at) => long[at] === word);
  const below = helps.filter(({ path }) => isBeginning(typed, path));
  if (below.length > 0) return below;
  const above = helps.filter(({ path }) => isBeginning(path, typed)).sort((a, b) => b.path.length - a.path.length);
  // If an unknown word follows the words of a group, return the description of the group.
  return above.length > 0 ? above.slice(0, 1) : helps.filter(({ path }) => path[0] === typed[0]);
};

/** Returns the help text for one command, or an overview of several commands. The text is safe to print. */
export const helpText = (helps: readonly CommandHelp[], paint: Paint): string => {
  const [first] = helps;
  if (first === undefined) return "";
  if (helps.length === 1) return oneText(first, paint);
  const group = first.path[0] ?? "";
  const own = helps.find(({ path }) => path.length === 1);
  const rows = helps.map(({ path, description }) => [visible(path.join(" ")), visible(description)] as const);
  return [
    own === undefined ? `${paint("bold", "Usage")}  quater ${visible(group)} <command> [flags]\n` : oneText(own, paint),
    `\n${paint("bold", "Commands")}\n${aligned(rows)}`,
    own === undefined ? examplesText(helps.flatMap(({ examples }) => examples.slice(0, 1)).slice(0, 3), paint) : "",
    `\nquater ${visible((helps.find((help) => help !== own) ?? first).path.join(" "))} --help shows the flags of one command.\n`,
  ].join("");
};

const oneText = ({ usage, description, details, flags, examples }: CommandHelp, paint: Paint): string => {
  const rows = flags.map(({ spelled, about }) => [visible(spelled), visible(about)] as const);
  return [
    `${paint("bold", "Usage")}  quater ${visible(usage)}\n`,
    `\n${visibleLines(description)}\n`,
    details === undefined ? "" : `\n${visibleLines(details)}\n`,
    flags.length === 0 ? "" : `\n${paint("bold", "Flags")}\n${aligned(rows)}`,
    examplesText(examples, paint),
  ].join("");
};

const examplesText = (examples: CommandHelp["examples"], paint: Paint): string =>
  examples.length === 0
    ? ""
    : `\n${paint("bold", examples.length === 1 ? "Example" : "Examples")}\n${examples
        .map(([what, line]) => `  ${visible(what)}:\n    ${visible(line)}\n`)
        .join("")}`;
