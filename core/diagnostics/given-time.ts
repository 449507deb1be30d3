// Parses times that people type into commands and filters.

import { invalid } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

const day = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
const clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";

/** The times that a JSON API documents: `15m`, `2026-11-26`, and dates with a time in RFC 3339. `timeOf` parses each of them. */
export const timePattern = `^(?:[0-9]{1,6}[smhdw]|${day}(?:T${clock}(?::[0-5][0-9](?:\\.[0-9]{1,3})?)?(?:Z|[+-]${clock})?)?)$`;
export const timeMessage = 'must be a time such as "15m", "2h", "3d", or a date';

/**
 * Parses a time, such as `15m`, `2h` or `3d` before now, or a date. @returns The time in milliseconds since the epoch.
 *
 * @param name  The name of the input for the error message.
 * @throws {QuaterError} `invalid_input`.
 */
export const timeOf = (name: string, text: string, now = Date.now()): number => {
  const [, count, unit] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return now - Number(count) * (unitMs[unit] ?? 0);
  const at = Date.parse(text);
  return Number.isNaN(at) ? invalid(`/${name}`, timeMessage) : at;
};
