// The command `quater actions`, which lists the actions that the caller may run. The cli surface authenticates the caller, and
// the static part of each policy filters the list of actions.

import { isQuaterError } from "../../../core/diagnostics/errors.ts";
import { sameCase, visible } from "../../../core/diagnostics/text.ts";
import { isVisibleTo, type Operation } from "../../../core/model/operation.ts";
import { propertiesOf } from "../../../core/schema/schema.ts";
import { type Approvals, approvalsRef, httpRef } from "../../offered.ts";
import { enterDoor } from "../actions/act.ts";
import { describeAction, descriptionText } from "../actions/action-help.ts";
import { sameName, unknownAction } from "../actions/action-names.ts";
import { flagsOf, kebab } from "../actions/flags.ts";
import { type ReadyPlaces, readyLines } from "../actions/ready-lines.ts";
import { exit } from "../output/exit.ts";
import { aligned, resultText } from "../output/render.ts";
import { reportCall } from "../output/report-call.ts";
import { boot, load, requireCli } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";
import { programWords } from "../program/program-words.ts";

/** The data about the project that the description of an action contains. For a remote, only the requirements are known. */
interface Around extends Partial<Pick<ReadyPlaces, "http" | "hasMcp">> {
  readonly requirementOf: Approvals["requirementOf"];
}

/** @returns The exit code of `use`, or the exit code of a refused authentication. */
const withActions = async (
  program: Context,
  use: (operations: readonly Operation[], around: Around) => Promise<number>,
): Promise<number> => {
  if (program.remote !== undefined) {
    const { withRemoteActions } = await import("../remote/running.ts");
    return withRemoteActions(program, program.remote, use);
  }
  const loaded = await load(program);
  requireCli(loaded);
  const kernel = await boot(program, loaded, { mode: "inspect" });
  const callId = kernel.newCallId();
  try {
    // Start the plugins, because a refused authentication runs `settled` hooks. These hooks may need what the plugins open in
    // `start`.
    await kernel.start();
    const principal = await enterDoor({ gate: kernel, catalog: kernel.catalog }, program, callId);
    return await use(
      kernel.catalog.operations.filter((operation) => operation.surfaces.has("cli") && isVisibleTo(operation, principal)),
      {
        requirementOf: (operation) => kernel.services.find(approvalsRef)?.requirementOf(operation),
        http: kernel.services.find(httpRef),
        hasMcp: kernel.plugins.some(({ surface }) => surface?.name === "mcp"),
      },
    );
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return reportCall({ error, callId, flags: [] }, program.terminal, program.isJson);
  } finally {
    await kernel.stop();
  }
};

class List extends ProgramCommand {
  static override paths = [["actions"], ["actions", "list"]];
  static override usage = usage({
    description: "Lists the actions that you may run.",
    examples: [["List the actions as JSON", "quater actions --json"]],
  });

  perform(program: Context): Promise<number> {
    return withActions(program, (operations) => show(program, operations, "Your credential may not run any action.\n"));
  }
}

const show = async (program: Context, operations: readonly Operation[], none: string): Promise<number> => {
  const found = operations.map(({ name, handler: { description, effect } }) => ({ name, description, effect }));
  const text = aligned(
    found.map(({ name, description }) => [visible(name), visible(description)]),
    "",
  );
  await program.terminal.write(program.isJson ? resultText(found, program) : text === "" ? none : text);
  return exit.ok;
};

class Search extends ProgramCommand {
  static override paths = [["actions", "search"]];
  static override usage = usage({
    description: "Lists the actions whose name, description or inputs contain all given words.",
    examples: [["Find the actions about refunds", "quater actions search refund"]],
  });
  words = Option.Rest({ required: 1 });

  perform(program: Context): Promise<number> {
    const words = this.words.map((word) => word.toLowerCase());
    return withActions(program, (operations) =>
      show(program, found(operations, words), `No action that you may run contains ${words.map(visible).join(" and ")}.\n`),
    );
  }
}

/** Returns the operations whose texts contain all words. An operation whose name contains a word comes first. */
const found = (operations: readonly Operation[], words: readonly string[]): readonly Operation[] => {
  const named = ({ name }: Operation) => words.some((word) => sameCase(name).includes(sameCase(word)));
  const all = operations.filter((operation) => {
    const { name, handler, input } = operation;
    const fields = Object.entries(propertiesOf(input)).flatMap(([field, { description = "" }]) => [field, description]);
    const text = [name, kebab(name), handler.description, ...fields].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return [...all.filter(named), ...all.filter((operation) => !named(operation))];
};

class Describe extends ProgramCommand {
  static override paths = [["actions", "describe"]];
  static override usage = usage({
    description: "Describes an action: its purpose, its input, and command lines to paste.",
    examples: [["Describe one action", "quater actions describe refundOrder"]],
  });
  static override completes = "actions" as const;
  action = Option.String();

  perform(program: Context): Promise<number> {
    return withActions(program, async (operations, { requirementOf, http, hasMcp = false }) => {
      const operation =
        operations.find(({ name }) => name === this.action) ?? operations.find(({ name }) => sameName(name, this.action));
      if (operation === undefined) {
        throw unknownAction(
          this.action,
          operations.map(({ name }) => name),
        );
      }
      const flags = flagsOf(operation.input);
      const requirement = requirementOf(operation);
      // Make no sample input from the schema of a remote, because patterns in this schema could keep this computer busy.
      const ready = program.remote === undefined ? await readyLines(operation, readyPlaces(program, http, hasMcp)) : {};
      await program.terminal.write(
        program.isJson
          ? resultText({ ...describeAction(operation, flags, requirement, program), ready }, program)
          : descriptionText(operation, flags, requirement, program, ready),
      );
      return exit.ok;
    });
  }
}

const readyPlaces = (program: Context, http: ReadyPlaces["http"], hasMcp: boolean): ReadyPlaces => ({
  program: programWords(program),
  http,
  url: http?.baseUrl ?? http?.publicUrl ?? http?.expectedUrl,
  hasMcp,
  header: '-H "Authorization: Bearer $QUATER_TOKEN"',
});

export const commands = [List, Search, Describe];
