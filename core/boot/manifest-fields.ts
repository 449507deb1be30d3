// Checks the fields of the manifest at run time, because a manifest in JavaScript has no compiler check.

import type { BootProblem } from "../diagnostics/problem.ts";
import { nearest } from "../diagnostics/text.ts";
import type { Config } from "./manifest.ts";

const fields: Readonly<Record<keyof Config, "text" | "list" | "optional">> = {
  name: "text",
  version: "optional",
  handlers: "list",
  plugins: "list",
  drainMs: "optional",
  maxOutputBytes: "optional",
  maxUploadBytes: "optional",
  uploadFolder: "optional",
};

/** The smallest and the largest value of each numeric field of the manifest. */
const ranges = {
  drainMs: [0, 2_147_483_647],
  maxOutputBytes: [1_024, 536_870_912],
  maxUploadBytes: [1, Number.MAX_SAFE_INTEGER],
} as const satisfies Partial<Record<keyof Config, readonly [number, number]>>;

/**
 * Returns the boot problems of the manifest's fields. @param placeOf  Returns the line of the manifest that has a word as a key.
 */
export const fieldProblems = (manifest: Config, placeOf: (word: string) => string): readonly BootProblem[] => {
  const given = manifest as unknown as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(fields, key));
  const missing = Object.entries(fields).filter(([key, kind]) =>
    kind === "text" ? typeof given[key] !== "string" || given[key] === "" : kind === "list" && !Array.isArray(given[key]),
  );
  const outOfRange = Object.entries(ranges).filter(([key, [least, most]]) => {
    const value = given[key];
    return value !== undefined && !(Number.isInteger(value) && Number(value) >= least && Number(value) <= most);
  });
  const folder = given["uploadFolder"];
  const isFolderWrong = folder !== undefined && (typeof folder !== "string" || folder === "");
  const cause = `The manifest has an invalid value for uploadFolder: ${JSON.stringify(folder)}`;
  return [
    ...(isFolderWrong ? [{ place: placeOf("uploadFolder"), cause, remedy: "Write the path of a folder as uploadFolder" }] : []),
    ...outOfRange.map(([key, [least, most]]) => ({
      place: placeOf(key),
      cause: `The manifest has an invalid value for ${key}: ${typeof given[key] === "string" ? JSON.stringify(given[key]) : String(given[key])}`,
      remedy: `Write a whole number from ${least} to ${most}`,
    })),
    ...unknown.map((key) => {
      const near = nearest(key, Object.keys(fields));
      return {
        place: placeOf(key),
        cause: `The manifest has an unknown field "${key}"`,
        remedy:
          near === undefined
            ? `Use one of the fields of a manifest: ${Object.keys(fields).join(", ")}`
            : `Did you mean "${near}"?`,
      };
    }),
    ...missing.map(([key, kind]) => ({
      place: placeOf(key),
      cause: `The manifest has no field ${key}`,
      remedy: kind === "text" ? `Add ${key}: "..." to the manifest` : `Add ${key}: [ ... ] to the manifest`,
    })),
  ];
};
