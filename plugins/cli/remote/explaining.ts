// Runs `quater explain --remote NAME`. The remote explains for each step of the caller's own call whether the call would pass.

import { sameName } from "../actions/action-names.ts";
import { collectGiven } from "../actions/collect.ts";
import { flagsOf } from "../actions/flags.ts";
import { type ExplainArguments, explainFlags } from "../explain/explain-arguments.ts";
import { UsageError } from "../output/exit.ts";
import { reportCall } from "../output/report-call.ts";
import type { Context } from "../program/context.ts";
import { howToGrant } from "../program/missing-right.ts";
import { partsOf } from "./calling.ts";
import { remoteNamed } from "./known.ts";
import { listed, requireToken } from "./listing.ts";
import { printCommand } from "./printing.ts";

/** @returns The exit code of `quater explain`. @throws {UsageError | Distrusted | QuaterError} */
export const explainRemote = async (context: Context, name: string, action: string, args: ExplainArguments): Promise<number> => {
  if (args.as !== undefined || args.described !== undefined)
    throw new UsageError(
      "--as, --scope, --role, --kind and --person do not work with --remote, because a remote explains only your own calls",
    );
  const remote = remoteNamed(context.env, name);
  const listing = await listed(context.env, remote, requireToken(context.env, remote));
  if ("error" in listing) {
    const { error, callId } = listing;
    return reportCall({ error, callId, flags: [], advice: howToGrant(error, context) }, context.terminal, context.isJson);
  }
  const { operations } = listing;
  const found = operations.find((one) => one.name === action) ?? operations.find((one) => sameName(one.name, action));
  // The remote does not list an action that the caller may not call. For such an action, the program sends all values as texts.
  const given = await collectGiven(context, args.tokens, flagsOf(found?.input ?? {}, explainFlags), { input: args.input });
  return printCommand(context, "explain", {
    action: found?.name ?? action,
    surface: args.surface ?? "cli",
    ...(args.approval === undefined ? {} : { approval: args.approval }),
    parts: partsOf(await given()),
  });
};
