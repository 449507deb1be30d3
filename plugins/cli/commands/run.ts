// The command `quater run <action>`, which makes one call in this process, through the same gate as every other surface.

import type { LoadedManifest } from "../../../core/boot/load.ts";
import type { Exposure } from "../../../core/index.ts";
import { approvalsRef } from "../../offered.ts";
import { act } from "../actions/act.ts";
import { sameName, unknownAction } from "../actions/action-names.ts";
import { type RunArguments, readRunArguments } from "../actions/run-arguments.ts";
import { UsageError } from "../output/exit.ts";
import { boot, load, requireCli } from "../program/boot.ts";
import type { CommandHelp } from "../program/command-help.ts";
import type { Context, Results } from "../program/context.ts";
import type { Runner } from "../program/runner.ts";

export const run: Runner = async (context, words) => {
  const args = readRunArguments(words.slice(1));
  if (args.action === undefined) {
    throw new UsageError(
      "The command line names no action. Write quater run <action>. The command quater actions lists all actions",
    );
  }
  if (context.remote !== undefined) {
    const { remote } = context;
    const { action } = args;
    const { runRemote } = await import("../remote/running.ts");
    return resultsTo(args, context, (results) => runRemote(context, remote, action, args, words.slice(1), results));
  }
  const loaded = await load(context);
  requireCli(loaded);
  const name = actionNamed(loaded, args.action);
  if (name === undefined) {
    // The mistake may be in the manifest and not in the command line. So boot the project first, because the boot reports
    // mistakes in the manifest.
    await (await boot(context, loaded, { mode: "inspect" })).stop();
    throw unknownAction(args.action, exposedNames(loaded));
  }
  const kernel = await boot(context, loaded, { mode: "run", only: name });
  try {
    await kernel.start();
    const operation = kernel.catalog.get(name);
    if (operation === undefined) throw unknownAction(args.action, []);
    const approvals = kernel.services.find(approvalsRef);
    const host = { gate: kernel, catalog: kernel.catalog, approvals };
    return await resultsTo(args, context, (results) => act(host, context, operation, args, words.slice(1), results));
  } finally {
    await kernel.stop(context.idle.aborted ? 0 : undefined);
  }
};

/** Runs a call and writes the results to standard output, or to the file that `--output` names. */
const resultsTo = async (
  { output }: RunArguments,
  context: Context,
  call: (results: Results) => Promise<number>,
): Promise<number> => {
  if (output === undefined || context.isHelp) return call(context);
  return (await import("../output/output-file.ts")).writingTo(output, context, call);
};

/** Returns the names of the handlers that the manifest exposes over cli, without loading a module. */
const exposedNames = ({ manifest }: LoadedManifest): readonly string[] =>
  manifest.handlers.flatMap(({ table }) =>
    Object.entries((table ?? {}) as Record<string, Exposure | undefined>).flatMap(([key, exposure]) =>
      exposure?.cli === undefined || exposure.cli === false ? [] : [typeof exposure.name === "string" ? exposure.name : key],
    ),
  );

const actionNamed = (loaded: LoadedManifest, typed: string): string | undefined => {
  const names = exposedNames(loaded);
  return names.find((name) => name === typed) ?? names.find((name) => sameName(name, typed));
};

/**
 * Whether `quater run` prints its own help. The help of an action needs the project, because the flags come from the input
 * schema.
 */
export const hasOwnHelp = (words: readonly string[]): boolean => readRunArguments(words.slice(1)).action !== undefined;

export const help = async (): Promise<readonly CommandHelp[]> => (await import("../actions/run-flags.ts")).runHelp;
