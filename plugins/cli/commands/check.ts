// The command `quater check`, which checks whether a project is ready to serve. With `--gate` the command also runs the gate
// suite.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { GateSamples } from "../../offered.ts";
import { parts } from "../../parts.ts";
import { readTextFile } from "../actions/input.ts";
import { isOpen } from "../checks/finding.ts";
import { findingsOf, findingsText } from "../checks/findings.ts";
import { exit, UsageError } from "../output/exit.ts";
import { resultText } from "../output/render.ts";
import { load, withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";

/** The name of a file in the manifest's folder. The file contains inputs that the gate suite cannot make itself. */
const samplesFile = "quater.gate.json";

class Check extends ProgramCommand {
  static override paths = [["check"]];
  static override usage = usage({
    description:
      "Reports what to fix before the project is served. With --gate, tests the access checks of every handler on every surface.",
    details: `--gate needs no key and changes nothing in the project, because the command runs stand-ins instead of handlers and uses a temporary store. The report names the handlers for which the command cannot create an input or a principal. Write these inputs and principals to ${samplesFile} beside the manifest, or to the file that --samples names. Policies that read a resource are tested only with --real-resources. With --real-resources, the command opens the resources of the project, but runs no handlers. The exit code is 1 when a check fails.`,
    examples: [
      ["Look for settings to correct", "quater check"],
      ["Test the access checks of every handler", "quater check --gate"],
    ],
  });

  isGate = Option.Boolean("--gate", false, { description: "Test the access checks of every handler" });
  samples = Option.String("--samples", { description: "JSON file with inputs and principals for each handler" });
  opensResources = Option.Boolean("--real-resources", false, {
    description: "Open the resources of the project, so that policies can read them",
  });

  perform(program: Context): Promise<number> {
    if (this.samples !== undefined && !this.isGate)
      throw new UsageError("--samples works only together with --gate. Add --gate to the command");
    if (this.opensResources && !this.isGate)
      throw new UsageError("--real-resources works only together with --gate. Add --gate to the command");
    return this.isGate ? checkGate(program, this.samples, this.opensResources) : checkSafety(program);
  }
}

const checkSafety = (program: Context): Promise<number> =>
  withKernel(program, { mode: "serve" }, async (kernel, { file }) => {
    const findings = findingsOf(kernel, file);
    const bootOrder = kernel.plugins.map(({ name }) => name);
    const isFit = !findings.some(isOpen);
    await program.terminal.write(
      program.isJson
        ? resultText({ isFit, findings, bootOrder }, program)
        : findingsText(findings, bootOrder, program.terminal.paint),
    );
    return isFit ? exit.ok : exit.unfit;
  });

const checkGate = async (program: Context, named: string | undefined, opensResources: boolean): Promise<number> => {
  const { terminal } = program;
  const { manifest, root } = await load(program);
  const samples = samplesFrom(named === undefined ? root : program.cwd, named);
  const gateCheck = await parts.gateCheck?.();
  if (gateCheck === undefined) throw new UsageError("--gate needs the gate suite, which this build of quater does not include");
  const report = await gateCheck.gateSuite(manifest, {
    ...samples,
    root,
    ...(opensResources ? { resources: "real" as const } : {}),
    onProgress: (done, all, what) => terminal.status(what === "" ? "" : `${done}/${all} ${what}`),
  });
  const { isGreen, holes, rows } = report;
  await terminal.write(program.isJson ? resultText({ isGreen, holes, rows }, program) : report.print());
  return isGreen ? exit.ok : exit.unfit;
};

/** Reads the sample inputs for the gate suite. @throws {UsageError} */
const samplesFrom = (folder: string, named: string | undefined): GateSamples => {
  const shown = named ?? samplesFile;
  const file = resolve(folder, shown);
  if (!existsSync(file)) {
    if (named !== undefined) throw new UsageError(`--samples ${shown}: the file does not exist`);
    return {};
  }
  let read: unknown;
  try {
    read = JSON.parse(readTextFile(file));
  } catch (error) {
    throw new UsageError(`${shown} is not valid JSON: ${(error as Error).message}`);
  }
  const isTable =
    isPlainObject(read) &&
    Object.entries(read).every(([key, value]) => ["inputs", "principals"].includes(key) && isPlainObject(value));
  if (!isTable)
    throw new UsageError(
      `${shown} must have the form { "inputs": { ... }, "principals": { ... } }, with the names of handlers as keys`,
    );
  return read as GateSamples;
};

export const commands = [Check];
