// Calls the cli surface for tests. The probe runs the program with a command line, and reads the output of the program.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import type { WrittenFile } from "../../../core/plugin/surface.ts";
import { cannotSend, type Probe, type ProbeAnswer } from "../../../core/plugin-api.ts";
import { fileFieldsOf } from "../../../core/schema/file.ts";
import { act, type Host } from "../actions/act.ts";
import { flagsOf, kebab } from "../actions/flags.ts";
import { readRunArguments } from "../actions/run-arguments.ts";
import { reportFailure } from "../output/report.ts";
import { Terminal } from "../output/terminal.ts";
import type { Context } from "./context.ts";

export const cliProbe =
  (host: Host): Probe =>
  async ({ handler, input, token, approvalId }) => {
    const operation = host.catalog.get(handler);
    if (operation === undefined) throw cannotSend(`${handler} cannot be called over cli here`);
    const secrets = new Map(flagsOf(operation.input).flatMap((flag) => (flag.isSecret ? [[flag.name, flag.variable]] : [])));
    const env: Record<string, string> = token === undefined ? {} : { QUATER_TOKEN: token };
    const args = [handler, ...(approvalId === undefined ? [] : [`--approval=${approvalId}`])];
    const written = "json" in input ? await withFilesApart(input.json, operation.input) : undefined;
    if (written !== undefined) args.push("--input", "-", ...written.flags);
    else if ("text" in input) {
      for (const [name, texts] of Object.entries(input.text)) {
        const variable = secrets.get(name);
        for (const text of [texts].flat()) {
          if (variable === undefined) args.push(`--${name}=${text}`);
          else env[variable] = text;
        }
      }
    }
    const stdin = Readable.from(written === undefined ? [] : [Buffer.from(written.json)]);
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const terminal = new Terminal({ stdin, stdout, stderr }, env);
    const output = Promise.all([textOf(stdout), textOf(stderr)]);
    const never = new AbortController().signal;
    const context: Context = {
      env,
      cwd: process.cwd(),
      terminal,
      isJson: true,
      isJsonAsked: true,
      isHelp: false,
      config: undefined,
      heedInterrupt: () => never,
      idle: never,
      sayFailuresAs: () => {},
    };
    try {
      await act(host, context, operation, readRunArguments(args));
    } catch (error) {
      reportFailure(error, terminal, true);
    }
    await terminal.end();
    await written?.clean();
    stdout.end();
    stderr.end();
    return answerOf(await output, operation.isStream);
  };

interface Apart {
  /** The JSON text of the input without its files. */
  readonly json: string;
  /** The flags for the files of the input, such as `--photo=@/tmp/...`. */
  readonly flags: readonly string[];
  readonly clean: () => Promise<void>;
}

/** Writes the files in the JSON input of a call to a folder, because a user at a terminal gives files by their paths. */
const withFilesApart = async (json: string, input: unknown): Promise<Apart> => {
  const fields = fileFieldsOf(input);
  if (fields.length === 0) return { json, flags: [], clean: async () => {} };
  const { default: mime } = await import("mime/lite");
  const folder = await mkdtemp(join(tmpdir(), "quater-probe-"));
  const values = JSON.parse(json) as Record<string, unknown>;
  const flags: string[] = [];
  for (const { name } of fields) {
    const files = [values[name]].flat().filter((one): one is WrittenFile => typeof Object(one).base64 === "string");
    if (files.length === 0) continue; // An empty list stays in the input, so that binding refuses the list.
    delete values[name];
    for (const [at, file] of files.entries()) {
      const path = join(folder, `${at}-${name}.${mime.getExtension(file.mediaType) ?? "bin"}`);
      await writeFile(path, Buffer.from(file.base64, "base64"));
      flags.push(`--${kebab(name)}=@${path}`);
    }
  }
  return { json: JSON.stringify(values), flags, clean: () => rm(folder, { recursive: true, force: true }) };
};

const textOf = async (stream: PassThrough): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
};

const answerOf = ([out, err]: readonly string[], isStream: boolean): ProbeAnswer => {
  if (err !== undefined && err !== "") {
    const { error } = JSON.parse(err) as {
      error: { code: string; message: string; errors?: { path: string; message: string }[] };
    };
    return { ok: false, code: error.code, message: error.message, errors: error.errors ?? [] };
  }
  const lines = (out ?? "").split("\n").filter((line) => line !== "");
  const values = lines.map((line) => JSON.parse(line) as unknown);
  return { ok: true, value: isStream ? values : values[0] };
};
