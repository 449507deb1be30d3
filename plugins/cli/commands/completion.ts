// The command `quater completion <shell>`, which prints a completion script, and the query that the completion scripts send.

import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { candidatesFor, filesMark, type KnownCommand } from "../completion/query.ts";
import { scripts, shells } from "../completion/scripts.ts";
import { exit, UsageError } from "../output/exit.ts";
import type { CommandHelp } from "../program/command-help.ts";
import type { Context } from "../program/context.ts";
import type { LoadedCommand, Runner } from "../program/runner.ts";

/** @param commands  The built-in commands that completion offers. */
export const completionOf = (commands: readonly KnownCommand[]): LoadedCommand => ({
  run: (context, words) => {
    const [, word, end, ...typed] = words;
    return word === "query" && end === "--" ? query(context, commands, typed) : print(context, words);
  },
  help: () => help,
});

const print: Runner = async (context, words) => {
  const [, word] = words;
  if (word === undefined) throw new UsageError("The command line names no shell. Write quater completion bash, zsh or fish");
  const shell = shells.find((candidate) => candidate === word);
  if (shell === undefined) {
    const near = nearest(word, shells);
    throw new UsageError(
      `Unknown shell ${JSON.stringify(cut(word))}; ${near === undefined ? `the shells are ${shells.join(", ")}` : `did you mean ${near}?`}`,
    );
  }
  if (words.length > 2)
    throw new UsageError(`Unexpected argument ${JSON.stringify(cut(words[2] ?? ""))}. Write quater completion ${shell}`);
  await context.terminal.write(scripts[shell]);
  return exit.ok;
};

const query = async (context: Context, commands: readonly KnownCommand[], typed: readonly string[]): Promise<number> => {
  const found = await candidatesFor({ cwd: context.cwd, env: context.env, commands }, typed);
  const lines = found === filesMark ? [filesMark] : found.map(({ word, about }) => (about ? `${word}\t${about}` : word));
  await context.terminal.write(lines.map((line) => `${line}\n`).join(""));
  return exit.ok;
};

const help: readonly CommandHelp[] = [
  {
    path: ["completion"],
    usage: `completion ${shells.join("|")}`,
    description: "Prints a completion script for a shell.",
    details:
      "The script completes commands, actions, flags, values of enums, and remotes. The names of actions come from a list that quater dev and quater build keep in .quater/completion.json. Completion loads no manifest and calls no remote.",
    flags: [],
    examples: [
      ["Turn on completion in bash, in ~/.bashrc", 'eval "$(quater completion bash)"'],
      ["Turn on completion in zsh, in ~/.zshrc after compinit", 'eval "$(quater completion zsh)"'],
      ["Turn on completion in fish", "quater completion fish > ~/.config/fish/completions/quater.fish"],
    ],
    words: shells,
  },
];
