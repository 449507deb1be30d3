// The reference of the commands is made from the commands themselves. To write the page again:
//
//   QUATER_WRITE_DOCS=1 npx vitest run test/docs/commands.test.ts

import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { builtins } from "../../plugins/cli/program/builtins.ts";
import type { CommandHelp } from "../../plugins/cli/program/command-help.ts";
import { pluginGroups } from "../../plugins/cli/program/plugin-groups.ts";
import { pluginHelp } from "../../plugins/cli/program/plugin-help.ts";

const page = new URL("../../docs/reference/commands.md", import.meta.url);

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll(/\s+/g, " ");
const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

const section = ({ path, usage, description, details, flags, examples }: CommandHelp): string =>
  [
    `### ${path.join(" ")}`,
    `    quater ${usage}`,
    cell(description),
    ...(details === undefined ? [] : [cell(details)]),
    ...(flags.length === 0
      ? []
      : [
          `| flag | what it does |\n| --- | --- |\n${flags.map(({ spelled, about }) => `| ${code(spelled)} | ${cell(about) || "-"} |`).join("\n")}`,
        ]),
    ...examples.map(([what, line]) => `${cell(what)}:\n\n    ${line}`),
  ].join("\n\n");

const made = async (): Promise<string> => {
  const groups = await Promise.all([
    ...builtins.map(async ({ word, summary, load }) => ({ word, summary, helps: await (await load()).help() })),
    ...pluginGroups.map(async ({ word, summary, load }) => ({ word, summary, helps: (await load()).map(pluginHelp) })),
  ]);
  const intro = `# Commands

This page lists every command with its flags and examples. A test makes the page from the commands of the program, so the page is
never out of date. The page [The CLI](cli.md) explains the commands, their output and the exit codes.

The flags \`--json\`, \`--no-json\`, \`--config FILE\` and \`--help\` work with every command.`;
  const parts = groups.map(({ word, summary, helps }) =>
    [`## quater ${word}`, `${summary}.`, ...helps.map(section)].join("\n\n"),
  );
  return `${[intro, ...parts].join("\n\n")}\n`;
};

test("docs/reference/commands.md equals the help that the commands print", async () => {
  const text = await made();
  if (process.env["QUATER_WRITE_DOCS"] === "1") writeFileSync(page, text);
  const how = "Write the page again: QUATER_WRITE_DOCS=1 npx vitest run test/docs/commands.test.ts";
  expect(readFileSync(page, "utf8"), how).toBe(text);
});
