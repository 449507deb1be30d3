// Shows the first arguments of an approval request in a list of approval requests, so that people can distinguish the approval
// requests of one handler.

import type { ApprovalRecord } from "../record.ts";
import type { PresentSources } from "./present.ts";
import { valuesOf } from "./presentation.ts";
import type { ShownValues } from "./values.ts";

/** The first arguments of an approval request. Secrets are masked as on the page of the approval request. */
export interface FirstArguments extends ShownValues {
  /** The reason why the list shows no argument of the request, as a sentence; absent if the list shows arguments. */
  readonly hidden?: string;
}

export type PresentFirst = (record: ApprovalRecord) => FirstArguments;

export const firstArgumentsOn =
  ({ catalog, tagOf }: Pick<PresentSources, "catalog" | "tagOf">): PresentFirst =>
  (record) => {
    const { hidden, arguments: shown } = valuesOf(record, { operation: catalog.get(record.handler), tagOf, view: "row" });
    return { ...shown, ...(hidden === undefined ? {} : { hidden }) };
  };

/**
 * Returns the first arguments of an approval request as one line: `/amountCents 4200, /orderId ord_1001, and 2 more`. Names and
 * texts with a space, a comma or a quotation mark are in quotation marks, so a text of the requester cannot look like another
 * argument.
 */
export const firstArgumentsLine = ({ rows, rowsLeftOut, hidden }: FirstArguments): string => {
  if (hidden !== undefined) return `not shown: ${hidden}`;
  const shown = rows.map(({ path, type, value }) => {
    const text = value.text === "" ? type : type === "secret" ? `secret (${value.text})` : quotedIn(value.text);
    const marks = [...path.warnings, ...value.warnings].map((warning) => ` [${warning}]`).join("");
    return `${path.text === "" ? "" : `${quotedIn(path.text)} `}${text}${marks}`;
  });
  return [...shown, ...(rowsLeftOut === 0 ? [] : [`and ${rowsLeftOut} more`])].join(", ");
};

/**
 * Puts a text with spaces, commas or quotation marks in quotation marks. In a shown text, a backslash begins an escape, so an
 * escaped quotation mark cannot look like another text.
 */
const quotedIn = (text: string): string => (/[\s,"]/.test(text) ? `"${text.replaceAll('"', '\\"')}"` : text);
