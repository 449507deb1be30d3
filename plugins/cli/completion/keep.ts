// Writes the file with the list of actions for completion. `list.ts` reads this file.

import { join } from "node:path";
import { replacePrivateFile } from "../../../core/boot/private-file.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { flagsOf, isByInput, valuesOfFlag } from "../actions/flags.ts";
import { fileName, folderName, format, type ListedAction, type ListedFlag, lineOf } from "./list.ts";

/** Writes the list of actions. Ignores a failed write, because the program also works without completion. */
export const keepActions = (root: string, operations: readonly Operation[]): void => {
  const actions = operations
    .filter(({ surfaces }) => surfaces.has("cli"))
    .map(
      ({ name, handler: { description }, input }): ListedAction => ({ name, about: lineOf(description), flags: listed(input) }),
    );
  try {
    replacePrivateFile(join(root, folderName, fileName), `${JSON.stringify({ format, actions })}\n`);
  } catch {
    // The folder `.quater` may be read-only, or writable by other users.
  }
};

const listed = (input: unknown): readonly ListedFlag[] =>
  flagsOf(input).flatMap((flag) => {
    if (isByInput(flag)) return [];
    const values = valuesOfFlag(flag);
    return [{ flag: `--${flag.flag}`, takesValue: flag.kind !== "switch", ...(values === undefined ? {} : { values }) }];
  });
