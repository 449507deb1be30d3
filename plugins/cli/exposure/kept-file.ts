// Reads and writes the exposure file `quater.exposure.json`, and reads the exposure file of another git revision.

import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cut, visible } from "../../../core/diagnostics/text.ts";
import { Type } from "../../../core/index.ts";
import { Errors } from "../../../core/schema/compile.ts";
import { UsageError } from "../output/exit.ts";
import { type Kept, keptSchema } from "./kept.ts";

export const keptFileName = "quater.exposure.json";
const format = "quater.exposure.v1";

/** The acceptance of one difference. An acceptance counts only for the difference with this id. */
export interface Accepted {
  readonly id: string;
  readonly subject: string;
  readonly what: string;
  readonly reason: string;
}

export interface KeptFile {
  readonly kept: Kept;
  readonly accepted: readonly Accepted[];
}

/** Returns the text of the exposure file, with one block per handler, sorted by name. Equal exposures give equal bytes. */
export const keptText = ({ kept, accepted }: KeptFile): string => {
  const { app, admits, doors, outsideThePipeline, handlers } = kept;
  const sorted = accepted.toSorted((one, other) => (`${one.subject} ${one.id}` < `${other.subject} ${other.id}` ? -1 : 1));
  return `${JSON.stringify({ format, app, admits, doors, outsideThePipeline, accepted: sorted, handlers }, null, 2)}\n`;
};

/** Writes the exposure file. @param root  The folder of the manifest. @throws {UsageError} */
export const writeKept = (root: string, file: KeptFile): void => {
  try {
    writeFileSync(join(root, keptFileName), keptText(file));
  } catch (error) {
    throw new UsageError(`${keptFileName} cannot be written: ${(error as Error).message}`);
  }
};

/**
 * Returns the content of the exposure file; `undefined` without an exposure file. @throws {UsageError} for a file with mistakes.
 */
export const readKept = (root: string): KeptFile | undefined => {
  const file = join(root, keptFileName);
  return existsSync(file) ? parsed(readFileSync(file, "utf8"), keptFileName) : undefined;
};

const text = Type.String();
const closedObject = <const Fields extends Parameters<typeof Type.Object>[0]>(fields: Fields) =>
  Type.Object(fields, { additionalProperties: false });
const schemaEntry = closedObject({ digest: text, schema: Type.Record(text, Type.Unknown()) });
const way = closedObject({ ways: Type.Array(text), options: Type.Record(text, Type.Unknown()) });
const approver = closedObject({ role: Type.Optional(text), person: Type.Optional(text), need: Type.Integer() });
const approval = closedObject({
  policy: text,
  surfaces: Type.Union([Type.Array(text), Type.Null()]),
  approvers: Type.Array(approver),
  kind: Type.Enum(["dual", "confirm"]),
  denials: Type.Integer(),
  pendingForMs: Type.Integer(),
  usableForMs: Type.Integer(),
  anySurface: Type.Boolean(),
  unattributed: Type.Boolean(),
});
const authPart = Type.Union([
  closedObject({ rule: Type.Enum(["anyone", "authenticated"]) }),
  closedObject({ scope: text }),
  closedObject({ role: text }),
  closedObject({ function: text, digest: text }),
]);
const handlerEntry = closedObject({
  handler: text,
  description: text,
  effect: Type.Enum(["read", "write", "destructive"]),
  idempotent: Type.Boolean(),
  public: Type.Boolean(),
  auth: closedObject({ words: text, joint: Type.Enum(["all", "any"]), parts: Type.Array(authPart) }),
  approval: Type.Union([approval, Type.Null()]),
  preview: Type.Boolean(),
  surfaces: Type.Record(text, way),
  keys: Type.Record(text, Type.Unknown()),
  streams: Type.Boolean(),
  input: schemaEntry,
  output: Type.Union([schemaEntry, Type.Null()]),
});
const keptFileSchema = closedObject({
  format: Type.Literal(format),
  app: text,
  admits: Type.Record(text, Type.Array(text)),
  doors: Type.Record(text, closedObject({ authenticator: text, accepts: Type.Array(text) })),
  outsideThePipeline: Type.Array(text),
  accepted: Type.Array(closedObject({ id: text, subject: text, what: text, reason: Type.String({ pattern: "\\S" }) })),
  handlers: Type.Array(handlerEntry),
});

/** @param shown  The name of the exposure file in error messages. */
const parsed = (content: string, shown: string): KeptFile => {
  const again = "Write the file again with quater exposure --write";
  let read: unknown;
  try {
    read = JSON.parse(content);
  } catch (error) {
    throw new UsageError(`${shown} is not valid JSON: ${visible((error as Error).message)}. ${again}`);
  }
  const [isRight, errors] = Errors(keptFileSchema, read);
  const [wrong] = errors;
  if (!isRight) throw new UsageError(`${shown}: ${visible(`${wrong?.instancePath} ${wrong?.message}`)}. ${again}`);
  const { format: _, accepted, ...kept } = read as Kept & { readonly format: string; readonly accepted: readonly Accepted[] };
  const names = kept.handlers.map(({ handler }) => handler);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new UsageError(`${shown}: the handler ${cut(visible(twice))} is listed twice. ${again}`);
  for (const { handler, input, output } of kept.handlers)
    for (const entry of output === null ? [input] : [input, output])
      if (keptSchema(entry.schema).digest !== entry.digest)
        throw new UsageError(`${shown}: a schema of ${cut(visible(handler))} does not have the digest beside it. ${again}`);
  return { kept, accepted };
};

/**
 * Reads the exposure file of another git revision.
 *
 * @param root  The folder of the manifest.
 * @returns `undefined` if the git revision has no exposure file.
 * @throws {UsageError} for an unknown git revision, or for an exposure file with mistakes.
 */
export const readKeptAt = async (root: string, revision: string): Promise<KeptFile | undefined> => {
  // The program git would read a revision that begins with a dash as a flag.
  if (!/^[^-\s:][^\s:]*$/.test(revision))
    throw new UsageError(`--base ${visible(revision)} is not a git revision. Write for example --base main`);
  const git = (...words: readonly string[]) =>
    promisify(execFile)("git", [...words], { cwd: root, maxBuffer: 256 * 1024 * 1024, encoding: "utf8" });
  try {
    await git("rev-parse", "--verify", "--quiet", `${revision}^{commit}`);
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "git is not installed" : "git does not know this revision";
    throw new UsageError(
      `--base ${visible(revision)}: ${reason}. Fetch the revision first, for example with git fetch origin main`,
    );
  }
  const shown = `${visible(revision)}:${keptFileName}`;
  try {
    // A partial clone may lack the content of the exposure file. Such a file must not count as an absent exposure file.
    const { stdout: entry } = await git("ls-tree", `${revision}^{commit}`, "--", keptFileName);
    if (entry === "") return undefined;
    const { stdout } = await git("cat-file", "blob", `${revision}:./${keptFileName}`);
    return parsed(stdout, shown);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `--base ${visible(revision)}: git cannot read ${keptFileName} of this revision. Fetch the whole revision first, for example with git fetch --refetch origin main`,
    );
  }
};
