// The command `quater actions`, which lists the actions that the caller may run. The cli surface authenticates the caller, and
// the static part of each policy filters the list.

import { isQuaterError } from "../../../core/diagnostics/errors.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { isVisibleTo, type Operation } from "../../../core/model/operation.ts";
import { type Approvals, approvalsRef } from "../../offered.ts";
import { enterDoor } from "../actions/act.ts";
import { describeAction, descriptionText } from "../actions/action-help.ts";
import { flagsOf } from "../actions/flags.ts";
import { exit } from "../output/exit.ts";
import { aligned, resultText } from "../output/render.ts";
import { reportCall } from "../output/report-call.ts";
import { boot, load, requireCli } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";
import { sameName, unknownAction } from "./run.ts";

/** @returns The exit code of `use`, or of the refused authentication. */
const withActions = async (
  program: Context,
  use: (operations: readonly Operation[], approvals: Approvals | undefined) => Promise<number>,
): Promise<number> => {
  const loaded = await load(program);
  requireCli(loaded);
  const kernel = await boot(program, loaded, { mode: "inspect" });
  const callId = kernel.newCallId();
  try {
    // Start the plugins, because a refused authentication runs `settled` hooks, which may need what `start` opens.
    await kernel.start();
    const principal = await enterDoor({ gate: kernel, catalog: kernel.catalog }, program, callId);
    return await use(
      kernel.catalog.operations.filter((operation) => operation.surfaces.has("cli") && isVisibleTo(operation, principal)),
      kernel.services.find(approvalsRef),
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
  static override usage = usage({ description: "Lists the actions that you may run." });

  perform(program: Context): Promise<number> {
    return withActions(program, async (operations) => {
      const found = operations.map(({ name, handler: { description, effect } }) => ({ name, description, effect }));
      const text = aligned(
        found.map(({ name, description }) => [visible(name), visible(description)]),
        "",
      );
      const none = "Your credential may not run any action.\n";
      await program.terminal.write(program.isJson ? resultText(found, program) : text === "" ? none : text);
      return exit.ok;
    });
  }
}

class Describe extends ProgramCommand {
  static override paths = [["actions", "describe"]];
  static override usage = usage({ description: "Describes an action: its purpose, its input, and the command that runs it." });
  action = Option.String();

  perform(program: Context): Promise<number> {
    return withActions(program, async (operations, approvals) => {
      const operation =
        operations.find(({ name }) => name === this.action) ?? operations.find(({ name }) => sameName(name, this.action));
      if (operation === undefined) {
        throw unknownAction(
          this.action,
          operations.map(({ name }) => name),
        );
      }
      const flags = flagsOf(operation.input);
      const requirement = approvals?.requirementOf(operation);
      await program.terminal.write(
        program.isJson
          ? resultText(describeAction(operation, flags, requirement, program), program)
          : descriptionText(operation, flags, requirement, program),
      );
      return exit.ok;
    });
  }
}

export const commands = [List, Describe];
