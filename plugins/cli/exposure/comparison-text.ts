// Formats a comparison of exposures as text for a terminal, and as Markdown for a pull request.

import { visible } from "../../../core/diagnostics/text.ts";
import type { Paint } from "../output/terminal.ts";
import { type ComparedDifference, type Comparison, shortId } from "./comparison.ts";
import type { Verdict } from "./difference.ts";
import { keptFileName } from "./kept-file.ts";

const verdicts: readonly Verdict[] = ["widened", "narrowed", "changed"];
const headings = { widened: "Widened", narrowed: "Narrowed", changed: "Changed" } as const;

const isOpen = ({ verdict, accepted }: ComparedDifference): boolean => verdict === "widened" && accepted === null;

/** Returns the comparison of exposures as text that is safe to print. */
export const comparisonText = (comparison: Comparison, paint: Paint): string => {
  const parts = verdicts.map((verdict) => {
    const lines = comparison.differences
      .filter((each) => each.verdict === verdict)
      .map(
        (each) =>
          `  ${visible(each.subject)}: ${visible(each.what)}\n${notesOn(each)
            .map((note) => `    ${paint("dim", visible(note))}\n`)
            .join("")}`,
      );
    return lines.length === 0 ? "" : `${paint("bold", headings[verdict])}\n${lines.join("")}\n`;
  });
  return `${parts.join("")}${sentences(comparison)
    .map((sentence) => `${visible(sentence)}\n`)
    .join("")}`;
};

const notesOn = (difference: ComparedDifference): readonly string[] => {
  const { id, accepted, warning } = difference;
  return [
    ...(isOpen(difference) ? [`not accepted, id ${shortId(id)}`] : []),
    ...(accepted === null ? [] : [`accepted: ${accepted}`]),
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
  ];
};

const sentences = (comparison: Comparison): readonly string[] => {
  const { base, hasBase, isCurrent, differences } = comparison;
  const count = (verdict: Verdict) => differences.filter((each) => each.verdict === verdict).length;
  const open = differences.filter(isOpen).length;
  const widened = `${count("widened")} widened${open === 0 ? "" : ` (${open} not accepted)`}`;
  const reference = base !== null && hasBase ? `${keptFileName} of ${base}` : keptFileName;
  const accept = base === null ? "" : ` --base ${base} --accept "<reason>"`;
  return [
    ...(hasBase ? [] : [`${base} has no ${keptFileName}, so the file of the working folder is compared.`]),
    differences.length === 0
      ? `The exposure is the same as in ${reference}.`
      : `${widened}, ${count("narrowed")} narrowed, ${count("changed")} changed, compared with ${reference}.`,
    ...(open === 0
      ? []
      : [`To accept what became wider, run quater exposure --write${hasBase ? accept : ""} and let a person review the file.`]),
    ...(isCurrent || open > 0
      ? []
      : [`${keptFileName} is not current. Run quater exposure --write${base === null ? "" : ` --base ${base}`}.`]),
  ];
};

/** Returns the comparison of exposures as Markdown. Names and texts of the project can add no markup, links or mentions. */
export const comparisonMarkdown = (comparison: Comparison): string => {
  const rows = verdicts
    .flatMap((verdict) => comparison.differences.filter((each) => each.verdict === verdict))
    .map((each) => {
      const notes = notesOn(each);
      const marks = { widened: isOpen(each) ? "**widened**" : "widened, accepted", narrowed: "narrowed", changed: "changed" };
      return `| ${marks[each.verdict]} | ${literal(each.subject)} | ${[each.what, ...notes].map(literal).join("<br>")} |\n`;
    });
  const table = rows.length === 0 ? "" : `| verdict | subject | difference |\n| --- | --- | --- |\n${rows.join("")}\n`;
  return `### Exposure\n\n${table}${sentences(comparison)
    .map((sentence) => `${literal(sentence)}\n\n`)
    .join("")}`;
};

/**
 * Writes a text so that Markdown shows exactly the characters of the text. In `<code>`, GitHub and GitLab make no links and
 * mentions. A character reference is never markup.
 */
const literal = (text: string): string =>
  `<code>${visible(text).replaceAll(/[^A-Za-z0-9 ,=-]/gu, (character) => `&#${character.codePointAt(0)};`)}</code>`;
