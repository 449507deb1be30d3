// The built-in commands, which the program knows without a project. The program imports only the code of the typed command.

import type { LoadedManifest } from "../../../core/boot/load.ts";
import type { PluginCommand } from "../../../core/plugin-api.ts";
import type { Parts } from "../../offered.ts";
import { parts } from "../../parts.ts";
import type { BuiltinWord } from "./builtin-words.ts";
import type { CommandHelp } from "./command-help.ts";
import type { ProgramCommandClass } from "./family.ts";
import type { LoadedCommand } from "./runner.ts";

export interface Builtin {
  readonly word: BuiltinWord;
  readonly summary: string;
  /** The usage lines of the command in the overview, such as `run <action> [flags]`. */
  readonly usage: string;
  readonly load: () => Promise<LoadedCommand>;
  /**
   * Loads the descriptions of the command without the command itself, so that completion is fast. Absent if this is impossible.
   */
  readonly help?: () => Promise<readonly CommandHelp[]>;
}

/** Returns a function that loads a family of commands. The library clipanion chooses the command of the family. */
const family =
  (load: () => Promise<{ readonly commands: readonly ProgramCommandClass[] }>) => async (): Promise<LoadedCommand> => {
    const [{ familyHelp, runFamily }, { commands }] = await Promise.all([import("./family.ts"), load()]);
    return { run: (context, words) => runFamily(context, commands, words), help: () => familyHelp(commands) };
  };

/**
 * Loads plain commands that need the manifest's folder but no kernel. These commands also work in a project that does not boot.
 */
const plain =
  (load: () => Promise<(loaded: Pick<LoadedManifest, "root">) => readonly PluginCommand[]>) =>
  async (): Promise<LoadedCommand> => {
    const [{ runPlain }, { pluginHelp }, commandsOf] = await Promise.all([
      import("../output/plain.ts"),
      import("./plugin-help.ts"),
      load(),
    ]);
    return {
      run: (context, words) => runPlain(context, commandsOf, words),
      help: () => commandsOf({ root: "." }).map(pluginHelp), // The help of plain commands does not use the folder.
    };
  };

const keys = (load: Parts["apiKeys"]): readonly Builtin[] =>
  load === undefined
    ? []
    : [
        {
          word: "keys",
          usage: "keys create|list|revoke|rotate",
          summary: "Creates, lists, revokes or rotates API keys",
          load: plain(async () => {
            const { keyCommands } = await load();
            return ({ root }) => keyCommands(root);
          }),
        },
      ];

export const builtins: readonly Builtin[] = [
  {
    word: "init",
    usage: "init [dir] [-y]",
    summary: "Creates a project: a handler, its test, the manifest",
    load: () => import("../commands/init.ts"),
  },
  {
    word: "run",
    usage: "run <action> [flags]",
    summary: "Runs an action: a handler that the manifest exposes over cli",
    // The command run parses its own flags. clipanion would only forward these flags, and importing clipanion takes a fifth of
    // the time of a fast start.
    load: () => import("../commands/run.ts"),
    help: async () => (await import("../actions/run-flags.ts")).runHelp,
  },
  {
    word: "actions",
    usage: "actions [list|search|describe]",
    summary: "Lists the actions that you may run, or describes one action",
    load: family(() => import("../commands/actions.ts")),
  },
  {
    word: "remote",
    usage: "remote add|login|list|remove",
    summary: "Adds servers for --remote, and logs in to them",
    load: family(() => import("../commands/remote.ts")),
  },
  {
    word: "serve",
    usage: "serve",
    summary: "Serves HTTP, and MCP over HTTP, until SIGINT or SIGTERM",
    load: family(() => import("../commands/serve.ts")),
  },
  {
    word: "dev",
    usage: "dev [--no-watch]",
    summary: "Serves for development: restarts on changes, accepts a development key",
    load: family(() => import("../commands/dev.ts")),
  },
  {
    word: "mcp",
    usage: "mcp, mcp add <client>",
    summary: "Serves MCP over standard input and output; add connects a client",
    load: family(() => import("../commands/mcp.ts")),
  },
  {
    word: "build",
    usage: "build",
    summary: "Builds the manifest and its handlers into one file for faster starts",
    load: family(() => import("../commands/build.ts")),
  },
  {
    word: "exposure",
    usage: "exposure [--write|--check]",
    summary: "Lists every handler with its surfaces; --check compares with a file",
    load: family(() => import("../commands/exposure.ts")),
  },
  {
    word: "explain",
    usage: "explain <action> --as <key>",
    summary: "Says for each step of a call whether the call would pass, and makes no call",
    load: async () => {
      const { explain, help } = await import("../commands/explain.ts");
      return { run: explain, help };
    },
  },
  {
    word: "who-can",
    usage: "who-can <action>",
    summary: "Lists the keys, scopes and roles that may call an action",
    load: family(() => import("../commands/who-can.ts")),
  },
  {
    word: "check",
    usage: "check [--gate]",
    summary: "Reports what to fix before serving; --gate tests all access checks",
    load: family(() => import("../commands/check.ts")),
  },
  {
    word: "openapi",
    usage: "openapi [--check FILE]",
    summary: "Prints the OpenAPI document; --check lists breaking changes",
    load: family(() => import("../commands/openapi.ts")),
  },
  ...keys(parts.apiKeys),
  {
    word: "commands",
    usage: "commands",
    summary: "Lists the commands that configured plugins add",
    load: family(() => import("../commands/commands.ts")),
  },
  {
    word: "completion",
    usage: "completion bash|zsh|fish",
    summary: "Prints a completion script for a shell",
    load: async () => (await import("../commands/completion.ts")).completionOf(builtins),
  },
];
