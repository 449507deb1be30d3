// A caller of the cli surface for tests: types a command line, and reads what the program wrote.

import { PassThrough, Readable } from "node:stream";
import { cannotSend, type Probe, type ProbeAnswer } from "../../../core/plugin-api.ts";
import { act, type Host } from "../actions/act.ts";
import { flagsOf } from "../actions/flags.ts";
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
    if ("json" in input) args.push("--input", "-");
    else {
      for (const [name, texts] of Object.entries(input.text)) {
        const variable = secrets.get(name);
        for (const text of [texts].flat()) {
          if (variable === undefined) args.push(`--${name}=${text}`);
          else env[variable] = text;
        }
      }
    }
    const stdin = Readable.from("json" in input ? [Buffer.from(input.json)] : []);
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const terminal = new Terminal({ stdin, stdout, stderr }, env);
    const written = Promise.all([textOf(stdout), textOf(stderr)]);
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
      sayFailuresAs: () => {},
    };
    try {
      await act(host, context, operation, readRunArguments(args));
    } catch (error) {
      reportFailure(error, terminal, true);
    }
    await terminal.end();
    stdout.end();
    stderr.end();
    return answerOf(await written, operation.isStream);
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
