// Reads file inputs at the terminal, such as `--photo @pictures/shelf.jpg`. The program reads the content of a file only after
// the static part of the policy has allowed the caller.

import { createReadStream, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { cut, visible } from "../../../core/diagnostics/text.ts";
import { invalid } from "../../../core/index.ts";
import type { GivenInput } from "../../../core/plugin-api.ts";
import { type FileField, OfferedFile } from "../../../core/schema/file.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";

/**
 * Replaces each text that names a file, such as `@pictures/shelf.jpg`, by the file itself.
 *
 * @param folder  The folder to which relative file paths are relative.
 * @throws {QuaterError} `invalid_input` for a path that cannot be read.
 */
export const withFiles = async (
  given: readonly GivenInput[],
  fields: readonly FileField[],
  folder: string,
): Promise<readonly GivenInput[]> => {
  const { default: mime } = await import("mime/lite");
  const offer = (name: string) => (value: unknown) => {
    if (typeof value !== "string" || !value.startsWith("@")) return value;
    const path = resolve(folder, value.slice(1));
    checkReadable(name, path);
    return new OfferedFile(basename(path), mime.getType(path) ?? undefined, () => createReadStream(path));
  };
  return given.map((part) => {
    if (!part.isText || !isPlainObject(part.values)) return part;
    const values: Record<string, unknown> = { ...part.values };
    for (const { name, isList } of fields) {
      if (!(name in values)) continue;
      const offered = [values[name]].flat().map(offer(name));
      values[name] = isList || offered.length > 1 ? offered : offered[0];
    }
    return { ...part, values };
  });
};

const checkReadable = (name: string, path: string): void => {
  try {
    if (statSync(path).isFile()) return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    invalid(`/${name}`, `names the file ${cut(visible(path))}, which ${why}`);
  }
  invalid(`/${name}`, `names ${cut(visible(path))}, which is not a file`);
};
