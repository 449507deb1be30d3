// Prints the outputs of `quater --help` and `quater --version`, which work without a project.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { aligned } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";
import { builtins } from "./builtins.ts";
import { pluginGroups } from "./plugin-groups.ts";

export const version = (): string => {
  const file = createRequire(import.meta.url).resolve("quater/package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};

export const overview = (paint: Paint): string =>
  [
    `${paint("bold", "Usage")}  quater <command> [flags]\n`,
    `\n${paint("bold", "Commands")}\n${aligned(builtins.map(({ usage, summary }) => [usage, summary]))}`,
    `\n${paint("bold", "Commands of plugins")}\n${aligned(pluginGroups.map(({ usage, summary }) => [usage, summary]))}`,
    `\n${paint("bold", "Flags")}\n${aligned([
      ["--config <file>", "The path of the manifest; default: QUATER_CONFIG, or the nearest quater.config.ts of the project"],
      ["--remote <name>", "Run the command on a server: quater run --remote <name> <action>"],
      ["--json, --no-json", "Print JSON on a terminal, or text into a pipe"],
      ["--help", "Show help for a command, or for an action: quater run <action> --help"],
      ["--version", "Print the version of quater"],
    ])}`,
  ].join("");
