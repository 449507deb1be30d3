// Lists the groups of commands that Quater's own plugins add. So the help of these commands works in every folder, without a
// project.

import type { PluginCommand } from "../../../core/plugin-api.ts";
import { commandGroups } from "../../command-groups.ts";
import type { CommandGroups } from "../../offered.ts";
import type { CommandHelp } from "./command-help.ts";

export interface PluginGroup {
  readonly word: string;
  readonly usage: string;
  readonly summary: string;
  /** The name of the plugin that adds the commands. The field `example` contains the entry of this plugin in the manifest. */
  readonly plugin: string;
  readonly example: string;
  readonly load: () => Promise<readonly PluginCommand[]>;
}

const group = (words: Omit<PluginGroup, "load">, load: CommandGroups[keyof CommandGroups]): readonly PluginGroup[] =>
  load === undefined ? [] : [{ ...words, load }];

export const pluginGroups: readonly PluginGroup[] = [
  ...group(
    {
      word: "approvals",
      usage: "approvals list|show|approve|deny|revoke|wait|code",
      summary: "Shows and decides approval requests",
      plugin: "approval",
      example: "store(), audit() and approval({ policies: { ... } })",
    },
    commandGroups.approvals,
  ),
  ...group(
    {
      word: "audit",
      usage: "audit tail|show|verify|export|erase|rotate|fingerprint",
      summary: "Reads, verifies and manages the trail",
      plugin: "audit",
      example: "store() and audit()",
    },
    commandGroups.audit,
  ),
  ...group(
    {
      word: "store",
      usage: "store restored",
      summary: "Acknowledges a restored store",
      plugin: "audit",
      example: "store() and audit()",
    },
    commandGroups.store,
  ),
];

/** Returns the descriptions of the commands of a group; `undefined` for a word that does not name a group. */
export const groupHelp = async (word: string): Promise<readonly CommandHelp[] | undefined> => {
  const found = pluginGroups.find((candidate) => candidate.word === word);
  if (found === undefined) return undefined;
  const [commands, { pluginHelp }] = await Promise.all([found.load(), import("./plugin-help.ts")]);
  return commands.map(pluginHelp);
};
