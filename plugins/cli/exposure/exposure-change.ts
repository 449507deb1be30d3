// Compares two exposure reports and prints their differences for reviewers. New surfaces of handlers come first.

import type { ExposureReport, ExposureRow } from "./exposure.ts";

export interface ExposureChange {
  /** Whether the change of the exposure may give callers access that they did not have. */
  readonly isWider: boolean;
  readonly line: string;
}

export const exposureChanges = (before: ExposureReport, after: ExposureReport): readonly ExposureChange[] => {
  const known = new Map(before.handlers.map((row) => [row.handler, row]));
  const gone = before.handlers.filter(({ handler }) => !after.handlers.some((row) => row.handler === handler));
  return [
    ...after.handlers.flatMap((row) => rowChanges(known.get(row.handler), row)),
    ...gone.flatMap((row) => rowChanges(row, undefined)),
  ];
};

const rowChanges = (before: ExposureRow | undefined, after: ExposureRow | undefined): ExposureChange[] => {
  const { handler } = (after ?? before) as ExposureRow;
  const surfaces = new Set([...Object.keys(before?.surfaces ?? {}), ...Object.keys(after?.surfaces ?? {})]);
  const changes = [...surfaces].flatMap((surface): ExposureChange[] => {
    const [was, is] = [before?.surfaces[surface] ?? null, after?.surfaces[surface] ?? null];
    if (was === is) return [];
    const shown = (value: string | null) => (value === null || value === "yes" ? "" : ` (${value})`);
    if (was === null) return [{ isWider: true, line: `+ ${handler} on ${surface}${shown(is)}` }];
    if (is === null) return [{ isWider: false, line: `- ${handler} on ${surface}${shown(was)}` }];
    return [{ isWider: true, line: `~ ${handler} on ${surface}: ${was} -> ${is}` }];
  });
  if (before === undefined || after === undefined) return changes;
  for (const key of ["effect", "auth", "approval"] as const) {
    if (before[key] !== after[key])
      changes.push({ isWider: true, line: `~ ${handler} ${key}: ${before[key] ?? "-"} -> ${after[key] ?? "-"}` });
  }
  if (before.isPublic !== after.isPublic) {
    changes.push({
      isWider: after.isPublic,
      line: `${after.isPublic ? "+" : "-"} ${handler} is ${after.isPublic ? "" : "no longer "}public`,
    });
  }
  return changes;
};
