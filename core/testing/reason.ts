// Why a call failed, from what was logged: callers are not told, and tests want to know.

import type { LogLine } from "./index.ts";

/** The first line of what was thrown: `Error: no such table: orders`. */
export const reasonIn = (log: readonly LogLine[], handler: string): string | undefined => {
  const line = log.findLast(({ level, fields }) => level === "error" && fields["handler"] === handler);
  const error = line?.fields["error"];
  return typeof error === "string" ? error.split("\n", 1)[0] : undefined;
};
