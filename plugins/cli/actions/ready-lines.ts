// Makes command lines for one handler that can be pasted into a shell: `quater run`, curl for its route, and curl for its tool.

import { visible } from "../../../core/diagnostics/text.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { isPlainObject, propertiesOf } from "../../../core/schema/schema.ts";
import { NoSample, samplerOf } from "../../../core/testing/sample.ts";
import type { Web } from "../../offered.ts";
import { shellWord } from "../program/announce.ts";
import { type Flag, flagsOf } from "./flags.ts";

/** Command lines with a valid input. A field is absent without an exposure or if no command line can send the input. */
export interface ReadyLines {
  readonly run?: string;
  readonly http?: string;
  readonly mcp?: string;
}

export interface ReadyPlaces {
  /** The words with which the user starts the program, such as `npx quater`. */
  readonly program: string;
  readonly http: Web | undefined;
  /** The URL of the server without a slash at the end; `undefined` for an unknown URL. */
  readonly url: string | undefined;
  readonly hasMcp: boolean;
  /** The part of the command line that sends the credential, such as `-H "Authorization: Bearer $QUATER_TOKEN"`. */
  readonly header: string;
}

/**
 * Returns a valid input of the handler, without fields that have a default; `undefined` if Quater can make no input from the
 * schema.
 */
export const sampleInput = async ({ input }: Operation): Promise<Readonly<Record<string, unknown>> | undefined> => {
  try {
    const sample = (await samplerOf(input)).sample();
    if (!isPlainObject(sample)) return undefined;
    const schemas = propertiesOf(input);
    return Object.fromEntries(Object.entries(sample).filter(([name]) => !("default" in (schemas[name] ?? {}))));
  } catch (error) {
    if (error instanceof NoSample) return undefined;
    throw error;
  }
};

export const readyLines = async (operation: Operation, places: ReadyPlaces): Promise<ReadyLines> => {
  const input = await sampleInput(operation);
  if (input === undefined) return {};
  const { name, surfaces } = operation;
  const run = surfaces.has("cli") ? runLine(name, input, flagsOf(operation.input), places.program) : undefined;
  const http = surfaces.has("http") ? await curlLine(operation, input, places) : undefined;
  const mcp = surfaces.has("mcp") && places.hasMcp ? toolLine(name, input, places) : undefined;
  return {
    ...(run === undefined ? {} : { run }),
    ...(http === undefined ? {} : { http }),
    ...(mcp === undefined ? {} : { mcp }),
  };
};

/**
 * Makes the command line of `quater run`; `undefined` for an input with a secret. Inputs without a flag are sent by `--input -`.
 */
const runLine = (
  name: string,
  input: Readonly<Record<string, unknown>>,
  flags: readonly Flag[],
  program: string,
): string | undefined => {
  const given = flags.filter((flag) => flag.name in input);
  if (given.some((flag) => flag.isSecret)) return undefined;
  if (given.some((flag) => flag.isShadowed)) return `echo ${shellWord(JSON.stringify(input))} | ${program} run ${name} --input -`;
  return [program, "run", name, ...given.flatMap((flag) => typed(flag, input[flag.name]))].join(" ");
};

const typed = ({ flag, kind }: Flag, value: unknown): readonly string[] => {
  if (kind === "switch") return value === true ? [`--${flag}`] : [];
  if (kind === "list" && Array.isArray(value)) return value.map((item) => valued(flag, String(item)));
  return [valued(flag, typeof value === "object" ? JSON.stringify(value) : String(value))];
};

const valued = (flag: string, text: string): string =>
  text.startsWith("-") ? `--${flag}=${shellWord(text)}` : `--${flag} ${shellWord(text)}`;

const curlLine = async (
  operation: Operation,
  input: unknown,
  { http, url, header }: ReadyPlaces,
): Promise<string | undefined> => {
  const request = url === undefined ? undefined : await http?.requestOf(operation, input);
  if (request === undefined) return undefined;
  const { method, path, headers, body } = request;
  return [
    "curl",
    ...(method === "GET" || (method === "POST" && body !== undefined) ? [] : ["-X", method]),
    ...(operation.isPublic ? [] : [header]),
    ...Object.entries(headers).map(([name, value]) => `-H ${shellWord(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : ["--json", shellWord(body)]),
    shellWord(`${url}${path}`),
  ].join(" ");
};

const toolLine = (name: string, input: unknown, { url, header }: ReadyPlaces): string | undefined => {
  if (url === undefined) return undefined;
  const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: input } };
  return `curl ${header} --json ${shellWord(visible(JSON.stringify(message)))} ${shellWord(`${url}/mcp`)}`;
};
