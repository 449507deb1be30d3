// The command `quater check`, which checks whether a project can be served. With `--gate` it also runs the gate suite.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { GateSamples } from "../../offered.ts";
import { parts } from "../../parts.ts";
import { exit, UsageError } from "../output/exit.ts";
import { resultText } from "../output/render.ts";
import { load, withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";
import { findingsOf, findingsText } from "../program/safety.ts";

/** The file beside the manifest with inputs that the gate suite cannot make itself. */
const samplesFile = "quater.gate.json";

class Check extends ProgramCommand {
  static override paths = [["check"]];
  static override usage = usage({
    description: "Says what to fix before a project is served. With --gate: tries the gate of every handler on every surface.",
    details: `--gate needs no key and changes nothing of the project: handlers are stand-ins, the store is a temporary one. Where it cannot make an input or a principal by itself it says so; give them in ${samplesFile} beside the manifest, or in the file that --samples names. A policy that reads a resource is tried with --real-resources alone: then the project's own are opened, and handlers still do not run. Exit 1 when something is not as it should be.`,
  });

  isGate = Option.Boolean("--gate", false, { description: "Try the gate" });
  samples = Option.String("--samples", { description: "JSON with inputs and principals, by handler" });
  opensResources = Option.Boolean("--real-resources", false, {
    description: "Open the project's resources, for policies that read them",
  });

  perform(program: Context): Promise<number> {
    if (this.samples !== undefined && !this.isGate) throw new UsageError("--samples goes with --gate");
    if (this.opensResources && !this.isGate) throw new UsageError("--real-resources goes with --gate");
    return this.isGate ? checkGate(program, this.samples, this.opensResources) : checkSafety(program);
  }
}

const checkSafety = (program: Context): Promise<number> =>
  withKernel(program, { mode: "serve" }, async (kernel) => {
    const findings = findingsOf(kernel);
    const bootOrder = kernel.plugins.map(({ name }) => name);
    const isFit = findings.every(({ level }) => level !== "fix");
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
  if (gateCheck === undefined) throw new UsageError("--gate needs the gate suite, which is not part of this program");
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

/** Reads the samples for the gate suite. @throws {UsageError} */
const samplesFrom = (folder: string, named: string | undefined): GateSamples => {
  const shown = named ?? samplesFile;
  const file = resolve(folder, shown);
  if (!existsSync(file)) {
    if (named !== undefined) throw new UsageError(`--samples ${shown}: there is no such file`);
    return {};
  }
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${shown} is not JSON: ${(error as Error).message}`);
  }
  const isTable =
    isPlainObject(read) &&
    Object.entries(read).every(([key, value]) => ["inputs", "principals"].includes(key) && isPlainObject(value));
  if (!isTable) throw new UsageError(`${shown} must be { "inputs": { ... }, "principals": { ... } }, each by handler`);
  return read as GateSamples;
};

export const commands = [Check];
