// Formats the explanation of a call as text for a terminal.

import { visible } from "../../../core/diagnostics/text.ts";
import type { ExplainedStep, Explanation } from "../../../core/plugin-api.ts";
import { aligned } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";

const words = { passes: "passes", stops: "stops", cannot_tell: "cannot tell", skipped: "skipped" } as const;
const colours = { passes: "bold", stops: "red", cannot_tell: "yellow", skipped: "dim" } as const;

/** Returns the explanation of a call as text that is safe to print. */
export const explanationText = (explanation: Explanation, paint: Paint): string => {
  const { handler, surface, steps } = explanation;
  const width = Math.max(...Object.values(words).map(({ length }) => length));
  const rows = steps.map(({ step, verdict, why }): [string, string] => [
    step,
    `${paint(colours[verdict], words[verdict].padEnd(width))}  ${visible(why)}`,
  ]);
  const lacking = steps.flatMap(lackingIn).map((line) => `  ${visible(line)}\n`);
  return [
    `${paint("bold", visible(`${handler} over ${surface}`))}\n`,
    aligned(rows),
    lacking.length === 0 ? "" : `\n${paint("bold", "What is missing")}\n${lacking.join("")}`,
    `\n${visible(conclusion(explanation))}\n`,
  ].join("");
};

/** Returns the rights that the caller lacks and the input fields that are wrong, for one step of a call. */
const lackingIn = ({ errors = [], missing }: ExplainedStep): readonly string[] => [
  ...errors.map(({ path, message }) => `${path === "" ? "input" : path} ${message}`),
  ...(missing?.scopes ?? []).map((scope) => `scope ${scope}`),
  ...(missing?.roles ?? []).map((role) => `role ${role}`),
];

const conclusion = ({ verdict, step, code }: Explanation): string => {
  if (verdict === "runs") return "The handler would run.";
  if (verdict === "stops") return `The call would stop at the step ${step} with the error ${code}.`;
  return `Quater cannot tell whether the call would pass the step ${step}.`;
};
