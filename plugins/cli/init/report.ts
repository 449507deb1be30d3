// Makes the report of `quater init`: what the command did with each file, and command lines to paste.

import { relative } from "node:path";
import { visible } from "../../../core/diagnostics/text.ts";
import { developmentKeyFile } from "../../offered.ts";
import { aligned } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";
import { examples } from "./examples.ts";
import type { Initialized } from "./initialize.ts";
import { wordsOf } from "./manager.ts";

const shellWord = (text: string): string => (/^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
/** A curl header with which the shell reads the key from a file. A key on a command line would stay in the shell's history. */
const header = `-H "Authorization: Bearer $(cat ${developmentKeyFile})"`;

export interface NextSteps {
  /** The commands that start the server of the project. */
  readonly start: readonly string[];
  /** Command lines that call handlers, at most one per surface; none for a project with its own manifest. */
  readonly calls: readonly string[];
}

export const nextSteps = ({ root, manager, hasExample, example, project }: Initialized, cwd: string): NextSteps => {
  const folder = relative(cwd, root);
  const url = "http://127.0.0.1:3000";
  return {
    start: [...(folder === "" ? [] : [`cd ${shellWord(folder)}`]), wordsOf[manager].install, project.command("dev")],
    calls: hasExample
      ? [
          ...examples[example].calls(project, { url, header }),
          `${project.exec} quater mcp add claude-code --http ${url}/mcp --write`,
        ]
      : [],
  };
};

/** Returns the report of `quater init` as text that is safe to print. */
export const initText = (made: Initialized, cwd: string, paint: Paint): string => {
  const { start, calls } = nextSteps(made, cwd);
  const rows = made.files.map(
    ({ path, what, detail }) => [what, visible(detail === undefined ? path : `${path}: ${detail}`)] as const,
  );
  const lines = (texts: readonly string[]) => texts.map((text) => `  ${visible(text)}\n`).join("");
  return [
    `${paint("bold", visible(made.name))} in ${visible(relative(cwd, made.root) || ".")}\n`,
    aligned(rows),
    made.advice.length === 0 ? "" : `\n${paint("yellow", "Before you start")}\n${lines(made.advice)}`,
    `\n${paint("bold", made.advice.length === 0 ? "Start it" : "Then start it")}\n${lines(start)}`,
    calls.length === 0
      ? "\nThe last command prints example commands.\n"
      : `\n${paint("bold", "Call it")}, in a second terminal and the same folder\n${lines(calls)}`,
  ].join("");
};
