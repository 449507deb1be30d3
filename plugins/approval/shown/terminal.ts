// Writes a presentation as lines for a terminal. terminal.ts does not shorten lines, because shortened lines would hide parts of
// the call that people approve. The terminal wraps long lines.

import type { Presentation } from "./presentation.ts";
import type { ShownText } from "./safe-text.ts";
import type { ShownValues } from "./values.ts";

/** Styles a text for the terminal. Red and yellow mark texts that people should check twice. */
export type Paint = (style: "bold" | "dim" | "red" | "yellow", text: string) => string;

const plain: Paint = (_style, text) => text;

type Row = readonly [label: string, text: string];

/** Returns the lines of a presentation without line ends. */
export const terminalLines = (shown: Presentation, paint: Paint = plain): readonly string[] => {
  const text = texts(paint);
  return [
    ...table(paint, aboutRows(shown, text)),
    ...section(paint, "Requester", table(paint, requesterRows(shown, text))),
    ...section(paint, "Arguments", valueLines(shown.arguments, shown.hidden, paint)),
    ...(shown.preview === undefined ? [] : section(paint, "Preview", valueLines(shown.preview, undefined, paint))),
    ...section(paint, "Did this already run?", [ranBeforeLine(shown, paint)]),
    ...section(paint, "Identical requests of the last 24 hours", earlierLines(shown)),
    ...section(paint, `Policy ${shown.policyName.text}`, shown.policy),
    ...section(paint, `Votes: ${shown.agreed.votes} of ${shown.agreed.needed} approvals given`, voteLines(shown, text)),
    ...(shown.needsFullView
      ? ["", paint("yellow", "Some long values are cut (\\…). To approve the request, run quater approvals show without --short")]
      : []),
  ];
};

/** Writes a text, followed by the warnings about the text. */
const texts =
  (paint: Paint) =>
  ({ text, warnings, isCut, length, sha256 }: ShownText): string =>
    [
      text,
      ...(isCut ? [paint("yellow", `[cut: ${length} characters, SHA-256 ${sha256}]`)] : []),
      ...warnings.map((warning) => paint("yellow", `[${warning}]`)),
    ].join(" ");

type Write = (shown: ShownText) => string;

const aboutRows = (shown: Presentation, write: Write): readonly Row[] => [
  ["Request", shown.id],
  ["State", `${shown.stateInWords}${shown.reason === undefined ? "" : `: ${write(shown.reason)}`}`],
  ["Handler", write(shown.handler)],
  ...optional("Purpose", shown.purpose, write),
  ["App", write(shown.app)],
  ...optional("Environment", shown.environment, write),
  ["Filed", timeText(shown.filed)],
  ...(shown.decided === undefined ? [] : [["Decided", timeText(shown.decided)] as const]),
  ...(shown.expires === undefined ? [] : [["Expires", timeText(shown.expires)] as const]),
  ["Digest", shown.digestStart],
];

const requesterRows = ({ requester }: Presentation, write: Write): readonly Row[] => [
  ...optional("Person", requester.person, write),
  ...optional("Acts for", requester.actsFor, write),
  ["Subject", `${write(requester.subject)} (${requester.kind})`],
  ["Issuer", write(requester.issuer)],
  ["Credential", write(requester.credential)],
  ["Surface", write(requester.surface)],
];

const optional = (label: string, shown: ShownText | undefined, write: Write): readonly Row[] =>
  shown === undefined ? [] : [[label, write(shown)]];

const valueLines = ({ rows, rowsLeftOut }: ShownValues, hidden: string | undefined, paint: Paint): readonly string[] => {
  if (hidden !== undefined) return [paint("red", `not shown: ${hidden}`)];
  const write = texts(paint);
  const kinds = widest(rows.map(({ type }) => type));
  const lines = table(
    paint,
    // The path of a value is empty if the value is the whole input. Each other path begins with a slash, so people cannot mistake
    // a path for the word "whole".
    rows.map(({ path, type, value }) => [path.text === "" ? "whole" : write(path), `${type.padEnd(kinds)}  ${write(value)}`]),
  );
  return rowsLeftOut === 0 ? lines : [...lines, paint("yellow", `\\… and ${rowsLeftOut} more`)];
};

const ranBeforeLine = ({ ranBefore }: Presentation, paint: Paint): string =>
  ranBefore === undefined ? "No earlier call like this one is known" : paint("yellow", ranBefore.words);

const earlierLines = ({ earlier }: Presentation): readonly string[] =>
  earlier.length === 0 ? ["none"] : earlier.map(({ id, filed, stateInWords }) => `${id}  ${timeText(filed)}  ${stateInWords}`);

const voteLines = ({ votes }: Presentation, write: Write): readonly string[] =>
  votes.map(({ person, verdict, reason, via, at }) => {
    const what = verdict === "approve" ? "approved" : "denied";
    return `${write(person)} ${what} over ${write(via)}, ${timeText(at)}${reason === undefined ? "" : `: ${write(reason)}`}`;
  });

const timeText = ({ iso, relative }: { readonly iso: string; readonly relative: string }): string => `${iso} (${relative})`;

const section = (paint: Paint, title: string, lines: readonly string[]): readonly string[] => [
  "",
  paint("bold", title),
  ...lines.map((line) => `  ${line}`),
];

/** The largest width of the column of labels, in characters. A longer label does not make the column wider. */
const widestLabel = 40;

const table = (paint: Paint, rows: readonly Row[]): readonly string[] => {
  const width = widest(rows.map(([label]) => label));
  return rows.map(([label, text]) => `${paint("dim", label.padEnd(width))}  ${text}`.trimEnd());
};

const widest = (labels: readonly string[]): number =>
  Math.max(0, ...labels.map(({ length }) => length).filter((length) => length <= widestLabel));
