// Prints events: one line of safe text for people, or one JSON object per line for programs. If the row of an event does not
// verify, Quater prints the raw cells of the row with the mark `UNVERIFIED`. The content of a row cannot add or remove this mark.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import type { ReadEvent, Unverified, Verified } from "../verify/find.ts";
import { metaOf } from "../verify/meta.ts";
import { isBodyGone } from "../verify/verify-row.ts";

export const jsonLine = (found: ReadEvent): string => {
  if (found.unverified !== undefined) return jsonMark(found);
  const { row, meta } = found;
  const gone = isBodyGone(row) ? { bodyRemoved: true } : {};
  return `${JSON.stringify({ ...bodyOf(row.body), ...meta, ...gone, hash: row.hash })}\n`;
};

/**
 * Returns an event as one line: its time, type and handler, the outcome of the call, the caller, the surface, and the call id.
 */
export const textLine = (found: ReadEvent): string => (found.unverified === undefined ? lineOf(found) : textMark(found, 300));

/** Returns an event as one line, followed by all fields of the event. */
export const textBlock = (found: ReadEvent): string =>
  found.unverified === undefined ? blockOf(found) : textMark(found, Number.POSITIVE_INFINITY);

const jsonMark = ({ row: { previous: _, malformed: __, ...row }, unverified }: Unverified): string =>
  `${JSON.stringify({ seq: row.seq, unverified: `Event ${row.seq} ${unverified}`, row })}\n`;

const textMark = ({ row, unverified }: Unverified, most: number): string => {
  const { type, call_id, meta, body, salt, hash } = row;
  const cells = Object.entries({ type, call_id, meta, body, salt, hash }).filter(([, value]) => value !== null);
  const shown = cells.map(([name, value]) => `    ${name}  ${cut(visible(String(value)), most)}\n`).join("");
  return `UNVERIFIED  Event ${row.seq} ${visible(unverified)}. Content of the row:\n${shown}`;
};

const bodyOf = (body: string | null): object => (body === null ? {} : (metaOf(body) ?? {}));

const lineOf = ({ meta }: Verified): string => {
  const { at, type, outcome, errorCode, policy, handler, surface, principal, callId, durationMs, count } = meta;
  const who = principal === undefined ? "" : `${principal.subject} (${principal.kind}${forWhom(principal.actsFor)})`;
  const ended = [outcome, errorCode].filter(Boolean).join(" ");
  const refusedBy = policy === undefined ? "" : `by ${policy}`;
  const parts = [
    new Date(at).toISOString(),
    type.padEnd(16),
    ended,
    refusedBy,
    handler,
    who,
    surface === undefined ? "" : `over ${surface}`,
    durationMs === undefined ? "" : `${durationMs} ms`,
    count === undefined ? "" : `${count} times`,
    callId,
  ];
  return `${visible(parts.filter((part) => part !== undefined && part !== "").join("  "))}\n`;
};

const blockOf = (found: Verified): string => {
  const { meta, row } = found;
  const { approvalId, argsTag, detail, instance, peer, principal, schema, seq, traceId } = meta;
  const lines: [string, unknown][] = [
    ["event", `${seq} of instance ${instance}`],
    ["principal", principal],
    ["peer", peer],
    ["trace", traceId],
    ["approval", approvalId],
    ["schema", schema],
    ["arguments tag", argsTag],
    ["detail", detail],
    ["body", isBodyGone(row) ? "removed" : undefined],
    ...Object.entries(bodyOf(row.body)),
  ];
  const shown = lines
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `    ${name}  ${visible(typeof value === "string" ? value : JSON.stringify(value))}\n`);
  return `${lineOf(found)}${shown.join("")}`;
};

const forWhom = (person: string | undefined): string => (person === undefined ? "" : ` for ${person}`);
