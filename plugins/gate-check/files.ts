// Checks the secret files that authenticators and plugins of the manifest use. The other cases of the gate suite open none of the
// secret files. A secret file is wrong if another user of this machine may read, change or replace the secret file. A key file is
// also wrong if an API key in the key file is not complete.

import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import { readPrivateFile } from "../../core/boot/private-file.ts";
import { isQuaterError, type Manifest } from "../../core/index.ts";
import type { SecretFile } from "../../core/model/secret-file.ts";
import { asAuthenticator } from "../../core/plugin-api.ts";
import { demoApproverKeyFile, developmentKeyFile } from "../offered.ts";
import type { GateRow } from "./report.ts";

export const fileCase = "key files";

const expected = "only the owner can read and change the file";

/**
 * @param root  The folder of the project.
 * @returns One row of the report for each secret file that exists. On a build machine, there may be no secret file.
 */
export const fileRows = (manifest: Manifest, root: string): readonly GateRow[] =>
  [...filesOf(manifest)]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([file, read]) => rowsOf(file, resolve(root, file), read));

/**
 * Lists each secret file once. If two authenticators or plugins name the same secret file, the gate suite makes the checks of
 * both.
 */
const filesOf = ({ plugins }: Manifest): ReadonlyMap<string, readonly NonNullable<SecretFile["read"]>[]> => {
  const declared = plugins.flatMap(({ secretFiles = [], surface }) => [
    ...secretFiles,
    ...(surface?.authenticate === undefined ? [] : (asAuthenticator(surface.authenticate).secretFiles ?? [])),
  ]);
  const ofDevelopment = [developmentKeyFile, demoApproverKeyFile].map((file): SecretFile => ({ file }));
  const files = new Map<string, NonNullable<SecretFile["read"]>[]>();
  for (const { file, read = readPrivateFile } of [...declared, ...ofDevelopment]) {
    const known = files.get(file) ?? [];
    files.set(file, known.includes(read) ? known : [...known, read]);
  }
  return files;
};

const rowsOf = (file: string, path: string, reads: readonly NonNullable<SecretFile["read"]>[]): readonly GateRow[] => {
  const about = { handler: file, surface: "", case: fileCase, expected };
  try {
    lstatSync(path);
    for (const read of reads) read(path);
    return [{ ...about, got: expected, ok: true }];
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT" && (error as NodeJS.ErrnoException).path === path;
    return isMissing ? [] : [{ ...about, got: "wrong owner or mode", ok: false, hole: wrongWith(path, error) }];
  }
};

const wrongWith = (path: string, error: unknown): string => {
  if (isQuaterError(error)) return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") throw error;
  return `${path} could not be checked: ${message}. Run this command as the user that runs the project, or correct the modes of the file and its folders`;
};
