// Finds in the log why a call failed. Callers do not get the reason for the failure, but tests need the reason.

import type { LogLine } from "./index.ts";

/** Returns from the log the first line of the error that a handler threw: `Error: no such table: orders`. */
export const reasonIn = (log: readonly LogLine[], handler: string): string | undefined => {
  const line = log.findLast(({ level, fields }) => level === "error" && fields["handler"] === handler);
  const error = line?.fields["error"];
  return typeof error === "string" ? error.split("\n", 1)[0] : undefined;
};
