// Logs, always on standard error: readable lines for people, JSON lines for a server whose output is collected.

import { inspect } from "node:util";
import { errorText } from "../../../core/diagnostics/error-text.ts";
import { fieldsOf, type LogFields } from "../../../core/diagnostics/log.ts";
import { cut, visible, visibleLines } from "../../../core/diagnostics/text.ts";
import type { Log } from "../../../core/plugin-api.ts";
import type { Env } from "../program/context.ts";
import type { Terminal } from "./terminal.ts";

type Level = "info" | "warn" | "error";
const order: Readonly<Record<string, number>> = { info: 0, warn: 1, error: 2, silent: 3 };

/** Returns the log level from `QUATER_LOG=info|warn|error|silent`. */
const leastOf = (env: Env, otherwise: string): string => {
  const asked = env["QUATER_LOG"];
  return asked !== undefined && asked in order ? asked : otherwise;
};

/**
 * The log of commands that end by themselves. By default, the log prints warnings and errors for a person at a terminal, and
 * nothing for a script, because a script reads the result.
 */
export const terminalLog = (terminal: Terminal, env: Env): Log =>
  readable(terminal, leastOf(env, terminal.isErrorTerminal ? "warn" : "silent"));

/**
 * The longest message, the longest text field, and the longest field with several lines, such as a stack with its causes, in
 * characters.
 */
const most = { message: 1_000, field: 1_000, lines: 32 * 1024 } as const;

/**
 * Prepares a value for a line. JSON.stringify converts an error to `{}`, so the text of the error is written instead. Texts are
 * cut, because callers can choose parts of the texts.
 */
const writtenValue = (value: unknown): unknown => {
  const text = value instanceof Error ? errorText(value) : value;
  if (typeof text === "string") return cut(text, text.includes("\n") ? most.lines : most.field);
  if (text === null || typeof text !== "object") return text;
  const json = jsonOf(text);
  // An object without JSON, such as an object that contains itself, is written as Node shows it.
  if (json === undefined) return cut(inspect(text, { customInspect: false }), most.field);
  return json.length <= most.lines ? text : cut(json, most.field);
};

/** Returns the JSON of a value; `undefined` for a value without JSON, such as an object that contains itself. */
const jsonOf = (value: object): string | undefined => {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
};

const readable = (terminal: Terminal, least: string): Log => {
  const at = (level: Level) => (message: string, fields?: unknown) => {
    if ((order[level] ?? 0) >= (order[least] ?? 0)) terminal.say(lineOf(terminal, level, message, fieldsOf(fields)));
  };
  return { info: at("info"), warn: at("warn"), error: at("error") };
};

const lineOf = ({ paintError }: Terminal, level: Level, message: string, fields: LogFields): string => {
  const given = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, writtenValue(value)]]));
  const short = given.filter(([, value]) => !String(value).includes("\n"));
  // Texts of several lines, such as stacks, are printed below the line.
  const long = given.filter(([, value]) => String(value).includes("\n"));
  const pairs = short.map(
    ([name, value]) => ` ${visible(`${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)}`,
  );
  const blocks = long.map(([, value]) => `  ${visibleLines(String(value)).replaceAll("\n", "\n  ")}\n`);
  const time = new Date().toISOString().slice(11, 19);
  const word = level === "info" ? level : paintError(level === "error" ? "red" : "bold", level);
  return `${paintError("dim", time)} ${word} ${visible(cut(message, most.message))}${paintError("dim", pairs.join(""))}\n${blocks.join("")}`;
};

/**
 * JSON escapes only the control characters below a space. A terminal that prints the log interprets other control characters,
 * too.
 */
const withoutControls = (line: string): string =>
  line.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);

/** Matches a text whose JSON is the text itself in quotation marks. */
const isPlain = /^[ !#-[\]-~]*$/;

const textJson = (text: string): string => (isPlain.test(text) ? `"${text}"` : withoutControls(JSON.stringify(text)));

/**
 * Returns the JSON of a field; `undefined` for a field that is not written, such as a function. Most fields are short texts and
 * numbers. Without JSON.stringify, these fields take a third of the CPU time (Node 20).
 */
const fieldJson = (value: unknown): string | undefined => {
  if (typeof value === "string") return textJson(value.length <= most.field ? value : (writtenValue(value) as string));
  if (typeof value === "bigint" || Number.isFinite(value)) return String(value);
  const json: string | undefined = JSON.stringify(writtenValue(value));
  return json === undefined ? undefined : withoutControls(json);
};

const jsonLine = (level: Level, time: string, message: string, fields: LogFields): string => {
  let line = `{"level":"${level}","time":"${time}"`;
  for (const name in fields) {
    const value = fields[name];
    const json = value === undefined ? undefined : fieldJson(value);
    if (json !== undefined) line += `,${textJson(name)}:${json}`;
  }
  return `${line},"message":${textJson(cut(message, most.message))}}\n`;
};

/**
 * Writes an uncaught error as a line of the JSON log. The line is written at every log level, because the error is the reason why
 * the process ends.
 */
export const failureLine = (error: unknown): string => jsonLine("error", isoNow(), "Unexpected failure", { error });

const droppedLine = (count: number): string =>
  jsonLine("warn", isoNow(), "The reader of standard error is too slow, so lines of the log were dropped", { lines: count });

let nowMs = Number.NaN;
let nowText = "";
/** Returns the time in ISO 8601. The text of a millisecond is kept, because making the text takes longer than making the line. */
const isoNow = (): string => {
  const now = Date.now();
  if (now !== nowMs) {
    nowMs = now;
    nowText = new Date(now).toISOString();
  }
  return nowText;
};

/** The log of commands that keep running. */
export const serverLog = (terminal: Terminal, env: Env): Log => {
  const least = leastOf(env, "info");
  if (terminal.isErrorTerminal) return readable(terminal, least);
  const batch = terminal.logBatch(droppedLine);
  const at = (level: Level) => (message: string, fields?: unknown) => {
    if ((order[level] ?? 0) < (order[least] ?? 0)) return;
    batch.add(jsonLine(level, isoNow(), message, fieldsOf(fields)));
    if (level !== "info") batch.flush(); // A warning or an error may be the last line before a crash.
  };
  return { info: at("info"), warn: at("warn"), error: at("error") };
};
