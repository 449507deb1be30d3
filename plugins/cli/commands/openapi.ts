// The command `quater openapi`, which prints the whole OpenAPI document, including operations that the caller may not use. With
// `--check` the command compares the document with an older document and reports the changes that break clients.

import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { visible } from "../../../core/diagnostics/text.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { httpRef } from "../../offered.ts";
import { readTextFile } from "../actions/input.ts";
import { type Change, changesBetween } from "../openapi/changes.ts";
import { exit, UsageError } from "../output/exit.ts";
import { resultText, table } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";
import { notConfigured, withKernel } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";

class OpenApi extends ProgramCommand {
  static override paths = [["openapi"]];
  static override usage = usage({
    description: "Prints the OpenAPI 3.1 document of all routes, as JSON.",
    details:
      "--output FILE writes the document to a file. --check FILE compares a saved document with the current one and lists the changes that break clients. The exit code is 1 when a change breaks clients.",
    examples: [
      ["Save the document", "quater openapi --output openapi.json"],
      ["Check for changes that break clients", "quater openapi --check openapi.json"],
    ],
  });

  output = Option.String("--output", { description: "Write the document to this file" });
  check = Option.String("--check", { description: "The saved document to compare with" });

  async perform(program: Context): Promise<number> {
    const { output, check } = this;
    if (output !== undefined && check !== undefined)
      throw new UsageError("--output and --check cannot be used together. Run quater openapi once with each");
    const kept = check === undefined ? undefined : keptDocument(program.cwd, check);
    return withKernel(program, { mode: "inspect" }, async (kernel, loaded) => {
      const http = kernel.services.find(httpRef);
      if (http === undefined)
        throw notConfigured(loaded, "http", "http({ authenticate: apiKeys() })", "there are no routes to document");
      const document = await http.openApi(undefined);
      if (kept !== undefined) return compare(program, kept, document as JsonSchema);
      if (output === undefined) await program.terminal.write(resultText(document, program));
      else write(program, output, document);
      return exit.ok;
    });
  }
}

/** Writes the OpenAPI document with indentation, so that people can compare two versions of the document. */
const write = ({ cwd, terminal }: Context, output: string, document: object): void => {
  try {
    writeFileSync(resolve(cwd, output), `${JSON.stringify(document, null, 2)}\n`);
  } catch (error) {
    throw new UsageError(`--output ${output}: ${(error as Error).message}`);
  }
  terminal.say(`Wrote ${visible(output)}\n`);
};

/** Reads the older OpenAPI document. @throws {UsageError} */
const keptDocument = (folder: string, named: string): JsonSchema => {
  const file = resolve(folder, named);
  if (!existsSync(file))
    throw new UsageError(`--check ${named}: the file does not exist. Create the file with quater openapi --output ${named}`);
  let read: unknown;
  try {
    read = JSON.parse(readTextFile(file));
  } catch (error) {
    throw new UsageError(`--check ${named}: the file is not valid JSON: ${(error as Error).message}`);
  }
  if (!isPlainObject(read) || !isPlainObject(read["paths"]) || !/^3\.1\./.test(String(read["openapi"])))
    throw new UsageError(`--check ${named}: the file is not an OpenAPI 3.1 document`);
  return read;
};

const compare = async (program: Context, kept: JsonSchema, present: JsonSchema): Promise<number> => {
  const changes = changesBetween(kept, present);
  const breaks = changes.filter(({ isBreaking }) => isBreaking).length;
  const report = { isCompatible: breaks === 0, changes };
  await program.terminal.write(program.isJson ? resultText(report, program) : changesText(changes, program.terminal.paint));
  return breaks === 0 ? exit.ok : exit.unfit;
};

const changesText = (changes: readonly Change[], paint: Paint): string => {
  if (changes.length === 0) return "Nothing changed for clients.\n";
  const rows = changes.map(({ isBreaking, operation, what }) => [
    isBreaking ? "breaking" : "compatible",
    visible(operation),
    visible(what),
  ]);
  const breaks = changes.filter(({ isBreaking }) => isBreaking).length;
  return `${table(["change", "operation", "what"], rows, paint)}\n${breaks} breaking, ${changes.length - breaks} compatible\n`;
};

export const commands = [OpenApi];
