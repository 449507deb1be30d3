// Shows the progress of a call as a bar on standard error, if standard error is a terminal.

import { visible } from "../../../core/diagnostics/text.ts";
import type { Terminal } from "./terminal.ts";
import { cutTo } from "./width.ts";

const barWidth = 20;

/** Returns a progress bar such as `[#####...............] 25% orders`. @param columns  The width of the terminal, in columns. */
export const progressLine = (fraction: number, message: string | undefined, columns: number): string => {
  const part = Math.min(1, Math.max(0, fraction));
  const full = Math.floor(part * barWidth);
  const bar = columns < 2 * barWidth ? "" : `[${"#".repeat(full)}${".".repeat(barWidth - full)}] `;
  return cutTo(`${bar}${Math.round(part * 100)}% ${visible(message ?? "")}`.trimEnd(), Math.max(1, columns - 1));
};

export const progressOn =
  (terminal: Terminal) =>
  (fraction: number, message?: string): void =>
    terminal.status(progressLine(fraction, message, terminal.errorColumns));
