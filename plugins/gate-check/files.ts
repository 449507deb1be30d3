// The project's own key files. The suite opens none of them for its calls, so it looks at them apart: whether another user of
// this machine may read, write or replace them, and whether each API key says what it has to say.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isQuaterError, readPrivateFile } from "../../core/index.ts";
import { defaultKeyFile, readKeyFile } from "../auth/service.ts";
import type { GateRow } from "./report.ts";

export const fileCase = "key files";

const folder = ".quater";
const keyFiles = /^(?:.*keys?(?:\.json)?|development-key)$/;
const expected = "nobody else may change it";

/**
 * @param root  The project's folder.
 * @returns One row for each key file in `.quater`; none where no keys were made yet, as on a build machine.
 */
export const fileRows = (root: string): readonly GateRow[] => {
  const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)).filter((name) => keyFiles.test(name)) : [];
  return names.sort().map((name) => {
    const file = `${folder}/${name}`;
    const about = { handler: file, surface: "", case: fileCase, expected };
    const hole = wrongWith(join(root, file), file === defaultKeyFile);
    return hole === undefined ? { ...about, got: expected, ok: true } : { ...about, got: "refused", ok: false, hole };
  });
};

const wrongWith = (path: string, holdsApiKeys: boolean): string | undefined => {
  try {
    if (holdsApiKeys) readKeyFile(path);
    else readPrivateFile(path);
    return undefined;
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  }
};
