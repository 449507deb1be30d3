// The command `quater who-can <action>`, which lists the keys, scopes and roles that may call a handler.

import { visible } from "../../../core/diagnostics/text.ts";
import { approvalsRef } from "../../offered.ts";
import { approvalOf } from "../actions/action-help.ts";
import { type WhoCan, whoCan } from "../explain/who-can.ts";
import { exit, UsageError } from "../output/exit.ts";
import { aligned, resultText, table } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";
import { withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";
import { operationNamed } from "./explain.ts";

class WhoCanCommand extends ProgramCommand {
  static override paths = [["who-can"]];
  static override usage = usage({
    description: "Lists the keys, and the scopes and roles, that may call an action. Says what Quater cannot know.",
    examples: [["Find the agents that may refund", "quater who-can refundOrder --surface mcp"]],
  });

  action = Option.String();
  surface = Option.String("--surface", { description: "Only this surface, such as http, mcp or cli. Default: all" });

  perform(program: Context): Promise<number> {
    return withKernel(program, { mode: "inspect" }, async ({ catalog, plugins, services }) => {
      const operation = operationNamed({ catalog }, this.action);
      if (this.surface !== undefined && !operation.surfaces.has(this.surface))
        throw new UsageError(
          `${operation.name} is not exposed on ${visible(this.surface)}. Its surfaces are ${[...operation.surfaces].join(", ")}`,
        );
      const requirement = services.find(approvalsRef)?.requirementOf(operation);
      const found = whoCan({ operation, plugins, surface: this.surface, approval: approvalOf(operation, requirement) });
      await program.terminal.write(program.isJson ? resultText(found, program) : whoCanText(found, program.terminal.paint));
      return exit.ok;
    });
  }
}

/** Returns the text about the callers of a handler. The text is safe to print. */
const whoCanText = ({ handler, auth, combinations, approval, surfaces }: WhoCan, paint: Paint): string => {
  const enough = combinations.map(({ scopes, roles }) => {
    const rights = [...scopes.map((scope) => `scope ${scope}`), ...roles.map((role) => `role ${role}`)];
    return rights.length === 0 ? "every valid credential" : rights.join(" and ");
  });
  return [
    `${paint("bold", visible(handler))}\n`,
    aligned([
      ["auth", visible(auth)],
      ["rights", visible(enough.join(", or ") || "decided by functions")],
      ["approval", visible(approval ?? "-")],
    ]),
    ...surfaces.map((callers) => surfaceText(callers, paint)),
  ].join("");
};

const verdicts = { can: "may call", may: "may call, if the functions of the policy allow it" } as const;

const surfaceText = ({ surface, isPublic, keys, unknown }: WhoCan["surfaces"][number], paint: Paint): string => {
  const rows = keys.map(({ key, id, kind, person, actsFor, verdict }) =>
    [key, id, kind, person ?? "-", actsFor ?? "-", verdicts[verdict]].map(visible),
  );
  const none = isPublic ? "Everybody may call without a credential.\n" : "No key may call.\n";
  return [
    `\n${paint("bold", visible(`Over ${surface}`))}\n`,
    isPublic || rows.length === 0 ? none : table(["key", "id", "kind", "person", "acts for", "verdict"], rows, paint),
    ...unknown.map((sentence) => `${paint("dim", visible(sentence))}\n`),
  ].join("");
};

export const commands = [WhoCanCommand];
