// Parses times that people type into commands and filters.

import { invalid } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

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
  return Number.isNaN(at) ? invalid(`/${name}`, 'must be a time such as "15m", "2h", "3d", or a date') : at;
};
