// The command `quater exposure`, which prints for reviewers which surfaces expose which handlers. With `--write` the command
// writes the exposure to the file `quater.exposure.json`. With `--check` the command compares the exposure with such a file.

import { acceptedAfter, type Comparison, comparisonOf } from "../exposure/comparison.ts";
import { comparisonMarkdown, comparisonText } from "../exposure/comparison-text.ts";
import { exposureOf, exposureText } from "../exposure/exposure.ts";
import { type Kept, keptOf } from "../exposure/kept.ts";
import { keptFileName, readKept, readKeptAt, writeKept } from "../exposure/kept-file.ts";
import { exit, UsageError } from "../output/exit.ts";
import { resultText } from "../output/render.ts";
import { boot, load, withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";

class Exposure extends ProgramCommand {
  static override paths = [["exposure"]];
  static override usage = usage({
    description: "Lists every handler with its surfaces, effect, auth and approval.",
    details: `--write keeps the exposure in ${keptFileName} beside the manifest. --check compares the exposure with this file, and names each difference widened, narrowed or changed. With --base REF, --check compares with the file of another git revision, so a pull request cannot accept its own change by writing the file. The exit code is 1 when something became wider and is not accepted.`,
    examples: [
      ["Keep the exposure for reviews", "quater exposure --write"],
      ["Check a pull request", "quater exposure --check --base origin/main --markdown"],
      ["Accept what became wider", 'quater exposure --write --base origin/main --accept "Support refunds over MCP"'],
    ],
  });

  isWrite = Option.Boolean("--write", false, { description: `Write ${keptFileName}` });
  isCheck = Option.Boolean("--check", false, { description: `Compare with ${keptFileName}` });
  base = Option.String("--base", { description: "Compare with the file of this git revision" });
  isMarkdown = Option.Boolean("--markdown", false, { description: "Print the comparison as Markdown for a pull request" });
  accept = Option.String("--accept", { description: "Accept what became wider, for this reason" });
  changes = Option.Array("--change", [], { description: "Accept only the difference with this id. Repeat the flag for several" });

  perform(program: Context): Promise<number> {
    const { isWrite, isCheck, base, isMarkdown, accept, changes } = this;
    const needs = (isGiven: boolean, isMet: boolean, flag: string, other: string) => {
      if (isGiven && !isMet) throw new UsageError(`${flag} works only together with ${other}. Add ${other} to the command`);
    };
    if (isWrite && isCheck)
      throw new UsageError("--write and --check cannot be used together. Run quater exposure once with each");
    needs(base !== undefined, isWrite || isCheck, "--base", "--check or --write");
    needs(isMarkdown, isCheck, "--markdown", "--check");
    needs(accept !== undefined, isWrite, "--accept", "--write");
    needs(changes.length > 0, accept !== undefined, "--change", "--accept");
    if (accept?.trim() === "") throw new UsageError('--accept needs a reason: --accept "Support refunds over MCP"');
    if (program.remote !== undefined) return listRemote(program, isWrite || isCheck);
    if (isWrite) return write(program, base, accept === undefined ? undefined : { reason: accept, ids: changes });
    return isCheck ? check(program, base, isMarkdown) : list(program);
  }
}

const listRemote = async (program: Context, hasFile: boolean): Promise<number> => {
  if (hasFile) throw new UsageError("--write and --check do not work with --remote, because they need the files of the project");
  const { printCommand } = await import("../remote/printing.ts");
  return printCommand(program, "exposure", {});
};

const list = (program: Context): Promise<number> =>
  withKernel(program, { mode: "inspect" }, async (kernel) => {
    const report = exposureOf(kernel);
    await program.terminal.write(program.isJson ? resultText(report, program) : exposureText(report, program.terminal.paint));
    return exit.ok;
  });

/** Returns the present exposure. This function loads the sources, because a build contains other texts of functions. */
const present = async (program: Context): Promise<{ readonly root: string; readonly kept: Kept }> => {
  const loaded = await load(program, { useBuild: false });
  const kernel = await boot(program, loaded, { mode: "inspect" });
  try {
    return { root: loaded.root, kept: keptOf(kernel) };
  } finally {
    await kernel.stop();
  }
};

const baseOf = async (root: string, revision: string | undefined) =>
  revision === undefined ? {} : { base: { revision, file: await readKeptAt(root, revision) } };

const write = async (
  program: Context,
  base: string | undefined,
  accepting: Parameters<typeof acceptedAfter>[1],
): Promise<number> => {
  const { root, kept } = await present(program);
  const before = readKept(root) ?? { kept, accepted: [] };
  const accepted = acceptedAfter({ present: kept, kept: before, ...(await baseOf(root, base)) }, accepting);
  writeKept(root, { kept, accepted });
  const count = kept.handlers.length;
  program.terminal.say(`Wrote ${keptFileName} with ${count} ${count === 1 ? "handler" : "handlers"}\n`);
  return exit.ok;
};

const check = async (program: Context, revision: string | undefined, isMarkdown: boolean): Promise<number> => {
  const { root, kept } = await present(program);
  const file = readKept(root);
  if (file === undefined)
    throw new UsageError(
      `The file ${keptFileName} does not exist beside the manifest. Create the file with quater exposure --write`,
    );
  const comparison = comparisonOf({ present: kept, kept: file, ...(await baseOf(root, revision)) });
  await program.terminal.write(shown(comparison, program, isMarkdown));
  return comparison.isFit ? exit.ok : exit.unfit;
};

const shown = (comparison: Comparison, program: Context, isMarkdown: boolean): string => {
  if (isMarkdown) return comparisonMarkdown(comparison);
  return program.isJson ? resultText(comparison, program) : comparisonText(comparison, program.terminal.paint);
};

export const commands = [Exposure];
