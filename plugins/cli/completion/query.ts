// Answers the completion scripts of shells. The answer comes from the descriptions of the commands, from the list of actions, and
// from the names of remotes that the user has added. No code here loads a manifest or calls a remote.

import type { CommandHelp } from "../program/command-help.ts";
import type { Context } from "../program/context.ts";
import type { LoadedCommand } from "../program/runner.ts";
import { type ListedFlag, lineOf, listedActions } from "./list.ts";

export interface Candidate {
  readonly word: string;
  readonly about?: string;
}

/** The line of an answer that makes the completion script complete file names. */
export const filesMark = ":files";

const ofProgram: readonly ListedFlag[] = [
  { flag: "--config", takesValue: true },
  { flag: "--remote", takesValue: true },
  { flag: "--json", takesValue: false },
  { flag: "--no-json", takesValue: false },
  { flag: "--help", takesValue: false },
];

/** A built-in command that completion offers. */
export interface KnownCommand {
  readonly word: string;
  readonly summary: string;
  readonly load: () => Promise<LoadedCommand>;
  /** Loads the descriptions of the command. Absent if only the command itself contains the descriptions. */
  readonly help?: () => Promise<readonly CommandHelp[]>;
}

/** The data for a completion query: the folder and environment of the shell, and the built-in commands. */
export interface Known extends Pick<Context, "cwd" | "env"> {
  readonly commands: readonly KnownCommand[];
}

/** The words that the user typed before the current word, split by their meaning. */
interface Line {
  /** The typed words that are no flags, such as `["approvals", "list"]`. */
  readonly words: readonly string[];
  readonly config: string | undefined;
  /** The last typed flag, if the user has not typed its value yet. */
  readonly open: string | undefined;
}

/**
 * @param typed  The words after `quater`. The last word is the word to complete, and it may be empty.
 * @returns The completion candidates that begin with the last word, or the mark for file names.
 */
export const candidatesFor = async (
  context: Known,
  typed: readonly string[],
): Promise<readonly Candidate[] | typeof filesMark> => {
  const before = typed.slice(0, -1);
  const current = typed.at(-1) ?? "";
  const command = await commandOf(context, before);
  const flags = [...command.flags, ...ofProgram];
  const line = readLine(before, flags);
  const equals = current.startsWith("--") ? current.indexOf("=") : -1;
  const flag = equals === -1 ? line.open : current.slice(0, equals);
  if (flag !== undefined) {
    const prefix = equals === -1 ? "" : `${flag}=`;
    const values = flag === "--remote" ? await remoteNames(context) : flags.find((known) => known.flag === flag)?.values;
    if (values === undefined) return equals === -1 ? filesMark : [];
    return beginning(
      values.map((value) => ({ word: `${prefix}${value}` })),
      current,
    );
  }
  return beginning(current.startsWith("-") ? flags.map(({ flag: word }) => ({ word })) : command.words, current);
};

const beginning = (candidates: readonly Candidate[], current: string): readonly Candidate[] => {
  const seen = new Set<string>();
  return candidates.filter(({ word }) => word.startsWith(current) && !seen.has(word) && seen.add(word));
};

const readLine = (before: readonly string[], flags: readonly ListedFlag[]): Line => {
  const takesValue = new Set(flags.filter((flag) => flag.takesValue).map(({ flag }) => flag));
  const words: string[] = [];
  let config: string | undefined;
  let open: string | undefined;
  for (const word of before) {
    if (open !== undefined) {
      if (open === "--config") config = word;
      open = undefined;
    } else if (word.startsWith("--config=")) config = word.slice("--config=".length);
    else if (takesValue.has(word)) open = word;
    else if (!word.startsWith("-")) words.push(word);
  }
  return { words, config, open };
};

interface Typed {
  readonly words: readonly Candidate[];
  readonly flags: readonly ListedFlag[];
}

const commandOf = async (context: Known, before: readonly string[]): Promise<Typed> => {
  const { words, config } = readLine(before, ofProgram);
  const [word, second] = words;
  if (word === undefined) return { words: await firstWords(context), flags: [] };
  const helps = await helpsOf(context, word);
  if (word === "run" && second !== undefined) {
    const action = listedActions(context.cwd, config).find(({ name }) => name === second);
    return { words: [], flags: [...(action?.flags ?? []), ...(helps[0]?.flags ?? [])] };
  }
  const depth = words.length;
  const next = helps.flatMap(({ path, description }) => {
    const following = path[depth];
    return following !== undefined && path.slice(0, depth).every((part, at) => part === words[at])
      ? [{ word: following, about: lineOf(description) }]
      : [];
  });
  const exact = helps.find(({ path }) => path.length === depth && path.every((part, at) => part === words[at]));
  const owner = exact ?? helps.filter(({ path }) => path.every((part, at) => part === words[at])).at(-1);
  return { words: [...next, ...following(context, exact, config)], flags: owner?.flags ?? [] };
};

/** Returns the words that may follow the words of a command: names of actions, or a fixed list. */
const following = (
  { cwd }: Pick<Context, "cwd">,
  help: CommandHelp | undefined,
  config: string | undefined,
): readonly Candidate[] => {
  if (help?.words === "actions") return listedActions(cwd, config).map(({ name, about }) => ({ word: name, about }));
  return (help?.words ?? []).map((word) => ({ word }));
};

const firstWords = async ({ commands }: Known): Promise<readonly Candidate[]> => {
  const { pluginGroups } = await import("../program/plugin-groups.ts");
  return [...commands, ...pluginGroups].map(({ word, summary }) => ({ word, about: lineOf(summary) }));
};

const helpsOf = async ({ commands }: Known, word: string): Promise<readonly CommandHelp[]> => {
  const builtin = commands.find((candidate) => candidate.word === word);
  if (builtin !== undefined) return builtin.help?.() ?? (await builtin.load()).help();
  const { groupHelp } = await import("../program/plugin-groups.ts");
  return (await groupHelp(word)) ?? [];
};

const remoteNames = async ({ env }: Pick<Context, "env">): Promise<readonly string[]> => {
  try {
    const { knownRemotes } = await import("../remote/known.ts");
    return [...knownRemotes(env).keys()];
  } catch {
    return []; // The file may belong to another user. The commands for remotes report this.
  }
};
