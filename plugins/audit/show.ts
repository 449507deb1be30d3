// An event for people: one line of text from outside, made safe to print. And for machines: one JSON object per line.

import { visible } from "../../core/index.ts";
import type { Found } from "./find.ts";

export const jsonLine = ({ row, meta }: Found): string =>
  `${JSON.stringify({ ...meta, ...(row.body === null ? {} : (JSON.parse(row.body) as object)), hash: row.hash })}\n`;

/** Time, what, how it ended, who, where, which call. */
export const textLine = ({ meta }: Found): string => {
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

/** The same with everything the event holds under it. */
export const textBlock = (found: Found): string => {
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
    ...Object.entries(row.body === null ? {} : (JSON.parse(row.body) as object)),
  ];
  const shown = lines
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `    ${name}  ${visible(typeof value === "string" ? value : JSON.stringify(value))}\n`);
  return `${textLine(found)}${shown.join("")}`;
};

const forWhom = (person: string | undefined): string => (person === undefined ? "" : ` for ${person}`);
