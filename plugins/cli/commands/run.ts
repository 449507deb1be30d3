// The command `quater run <action>`, which makes one call in this process, through the same gate as every other surface.

import type { LoadedManifest } from "../../../core/boot/load.ts";
import { cut, nearest, sameCase } from "../../../core/diagnostics/text.ts";
import type { Exposure } from "../../../core/index.ts";
import { approvalsRef } from "../../offered.ts";
import { act } from "../actions/act.ts";
import { readRunArguments } from "../actions/run-arguments.ts";
import { exit, UsageError } from "../output/exit.ts";
import { aligned } from "../output/render.ts";
import { boot, load, requireCli } from "../program/boot.ts";
import type { Runner } from "../program/runner.ts";

export const run: Runner = async (context, words) => {
  const args = readRunArguments(words.slice(1));
  if (args.action === undefined) {
    if (!context.isHelp)
      throw new UsageError(
        "The command line names no action. Write quater run <action>. The command quater actions lists all actions",
      );
    await context.terminal.write(help);
    return exit.ok;
  }
  const loaded = await load(context);
  requireCli(loaded);
  const name = actionNamed(loaded, args.action);
  if (name === undefined) {
    // The mistake may be in the manifest and not in the command line, so boot the project first, which reports mistakes in the
    // manifest.
    await (await boot(context, loaded, { mode: "inspect" })).stop();
    throw unknownAction(args.action, exposedNames(loaded));
  }
  const kernel = await boot(context, loaded, { mode: "run", only: name });
  try {
    await kernel.start();
    const operation = kernel.catalog.get(name);
    if (operation === undefined) throw unknownAction(args.action, []);
    const approvals = kernel.services.find(approvalsRef);
    return await act({ gate: kernel, catalog: kernel.catalog, approvals }, context, operation, args, words.slice(1));
  } finally {
    await kernel.stop(context.idle.aborted ? 0 : undefined);
  }
};

/** Returns the names that the manifest exposes over cli, without loading a module. */
const exposedNames = ({ manifest }: LoadedManifest): readonly string[] =>
  manifest.handlers.flatMap(({ table }) =>
    Object.entries((table ?? {}) as Record<string, Exposure | undefined>).flatMap(([key, exposure]) =>
      exposure?.cli === undefined || exposure.cli === false ? [] : [typeof exposure.name === "string" ? exposure.name : key],
    ),
  );

export const sameName = (a: string, b: string): boolean => sameCase(a) === sameCase(b);

const actionNamed = (loaded: LoadedManifest, typed: string): string | undefined => {
  const names = exposedNames(loaded);
  return names.find((name) => name === typed) ?? names.find((name) => sameName(name, typed));
};

export const unknownAction = (typed: string, names: readonly string[]): UsageError => {
  const near = nearest(typed, names);
  const advice = near === undefined ? ". The command quater actions lists all actions" : `; did you mean "${near}"?`;
  return new UsageError(`No action named ${JSON.stringify(cut(typed))}${advice}`, "unknown_handler");
};

const help = `Usage  quater run <action> [flags]

Runs an action. The flags of an action are the fields of its input; quater run <action> --help lists them.

${aligned([
  ["--input <file>", 'Read the whole input as JSON from a file; "-" reads standard input'],
  ["--dry-run", "Check the call without running the handler"],
  ["--wait", "If the call needs approval, wait for the approval, then run"],
  ["--approval <id>", "Use only the approval with this id"],
  ["--json", "Print JSON, also on a terminal"],
  ["--config <file>", "The path of the manifest"],
])}`;
