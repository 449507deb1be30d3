// Finds the places where two previews differ, for callers that get `approval_stale`.

import { cut, visible } from "../../../core/diagnostics/text.ts";

import { pointerStep } from "../../../core/schema/json.ts";

const most = 20;

/** @returns At most 20 printable JSON Pointers (RFC 6901) into the preview; "" means the whole preview. */
export const changedAt = (before: string | undefined, now: string | undefined): readonly string[] =>
  before === undefined || now === undefined
    ? [""]
    : [...differences(JSON.parse(before), JSON.parse(now), "")].slice(0, most).map((path) => cut(visible(path)));

const differences = function* (before: unknown, now: unknown, path: string): Generator<string> {
  const [old, fresh] = [membersOf(before), membersOf(now)];
  if (old === undefined || fresh === undefined || Array.isArray(before) !== Array.isArray(now)) {
    if (JSON.stringify(before) !== JSON.stringify(now)) yield path;
    return;
  }
  for (const name of new Set([...old.keys(), ...fresh.keys()])) {
    const at = `${path}/${pointerStep(name)}`;
    if (old.has(name) && fresh.has(name)) yield* differences(old.get(name), fresh.get(name), at);
    else yield at;
  }
};

const membersOf = (value: unknown): ReadonlyMap<string, unknown> | undefined =>
  value === null || typeof value !== "object" ? undefined : new Map(Object.entries(value));
