// The command `quater init [dir]`, which creates a project in a folder. The command loads no manifest and no .env, because the
// user may not trust the folder yet.

import { existsSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { parts } from "../../parts.ts";
import { help, type InitArguments, readInitArguments } from "../init/arguments.ts";
import { initialize } from "../init/initialize.ts";
import { detectManager, type Manager, managers } from "../init/manager.ts";
import { nameFrom, nameProblem } from "../init/name.ts";
import { nodeProblem } from "../init/node-version.ts";
import { ownPackage, packagesOf, readPackage } from "../init/package-file.ts";
import { initText, nextSteps } from "../init/report.ts";
import { readIfThere } from "../init/write.ts";
import { exit, UsageError } from "../output/exit.ts";
import { type Asking, asking } from "../output/questions.ts";
import { jsonLine } from "../output/render.ts";
import type { Context } from "../program/context.ts";
import type { Runner } from "../program/runner.ts";

export { help };

export const run: Runner = async (context, words) => {
  const { terminal, cwd } = context;
  const args = readInitArguments(words.slice(1));
  const own = ownPackage();
  const problem = nodeProblem(process.versions.node, own.engines.node);
  if (problem !== undefined) throw new UsageError(problem);
  const { root, name, manager } = await answers(context, args, packagesOf(own));
  const quater = args.quater === undefined ? `^${own.version}` : specOf(args.quater, cwd, root);
  const keys = await parts.developmentKeys?.();
  const made = initialize({ root, name, manager, quater, own, example: args.example }, keys);
  await terminal.write(
    context.isJsonAsked
      ? jsonLine({ root, name, files: made.files, advice: made.advice, next: nextSteps(made, cwd) })
      : initText(made, cwd, terminal.paint),
  );
  return exit.ok;
};

/** Returns the folder, the project name and the package manager: from the command line, from a person, or the defaults. */
const answers = async (
  { terminal, cwd, env }: Context,
  args: InitArguments,
  taken: readonly string[],
): Promise<{ readonly root: string; readonly name: string; readonly manager: Manager }> => {
  const ask: Asking | undefined = !args.isSilent && terminal.canAsk ? await asking(terminal) : undefined;
  const folder = args.folder ?? (await ask?.text("In which folder? (. is the current folder)", ".", () => undefined)) ?? ".";
  const root = resolve(cwd, folder);
  const check = (name: string) => nameProblem(name, taken);
  const suggested = nameFrom(nameThere(root) ?? basename(root), taken);
  const name = args.name ?? (await ask?.text("What is the name of the project?", suggested, check)) ?? suggested;
  const wrong = check(name);
  if (wrong !== undefined) throw new UsageError(`--name ${JSON.stringify(name)} is not valid: ${wrong}`);
  const known = args.manager ?? detectManager(root, env);
  const manager = known ?? (await ask?.choice("Which package manager?", managers)) ?? "npm";
  return { root, name, manager };
};

const nameThere = (root: string): string | undefined => {
  const { name } = readPackage(readIfThere(join(root, "package.json")));
  return typeof name === "string" ? name : undefined;
};

/**
 * Returns the dependency on Quater for package.json. A path on the command line is relative to the current folder, but a path in
 * package.json is relative to the folder of the project.
 */
const specOf = (spec: string, cwd: string, root: string): string => {
  const file = resolve(cwd, spec.replace(/^file:/, ""));
  return existsSync(file) ? `file:${relative(root, file).replaceAll("\\", "/")}` : spec;
};
