// Finds in the log why a call failed. Callers do not get the reason, but tests need it.

import type { LogLine } from "./index.ts";

/** Returns the first line of the error that a handler threw: `Error: no such table: orders`. */
export const reasonIn = (log: readonly LogLine[], handler: string): string | undefined => {
  const line = log.findLast(({ level, fields }) => level === "error" && fields["handler"] === handler);
  const error = line?.fields["error"];
  return typeof error === "string" ? error.split("\n", 1)[0] : undefined;
};
