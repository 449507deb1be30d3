// The streams of the program. Only results go to standard output. If the reader of standard output closes it early (`| head -1`),
// the program ends without an error. If the reader is slow, `write` waits.

import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";
import { exit } from "./exit.ts";
import { type BatchFormat, LogBatch } from "./log-batch.ts";

export type Input = Readable & { readonly isTTY?: boolean };
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export interface Streams {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

type Style = "bold" | "dim" | "red" | "yellow";
export type Paint = (style: Style, text: string) => string;

export class Terminal {
  /** Standard output itself, for a protocol. Results are written by `write`. */
  readonly stdout: Output;
  /** Whether standard output is a terminal, so that a person reads the result. */
  readonly isTerminal: boolean;
  /** Whether standard error is a terminal, so that a line can be replaced. */
  readonly isErrorTerminal: boolean;
  /** Aborted once standard output accepts no more text. */
  readonly closed: AbortSignal;
  /** Styles texts for results. */
  readonly paint: Paint;
  /** Styles texts for standard error. */
  readonly paintError: Paint;
  readonly #streams: Pick<Streams, "stdin">;
  readonly #stderr: Output;
  readonly #closing = new AbortController();
  readonly #release: () => void;
  #resume: (() => void) | undefined;
  #failure: NodeJS.ErrnoException | undefined;
  #hasStatus = false;
  #logBatch: LogBatch | undefined;

  constructor(streams: Streams, env: Readonly<Record<string, string | undefined>>) {
    const { stdout, stderr } = streams;
    this.#streams = streams;
    this.stdout = stdout;
    this.#stderr = stderr;
    this.isTerminal = stdout.isTTY === true;
    this.isErrorTerminal = stderr.isTTY === true;
    this.closed = this.#closing.signal;
    const mayColour = (env["NO_COLOR"] ?? "") === ""; // The rule of no-color.org: the variable is set and not empty.
    const painter =
      (isOn: boolean): Paint =>
      (style, text) =>
        // Do not let styleText check the streams of the process, because `isOn` was computed from the given streams.
        isOn && mayColour ? styleText(style, text, { validateStream: false }) : text;
    this.paint = painter(this.isTerminal);
    this.paintError = painter(this.isErrorTerminal);
    const resume = () => this.#resume?.();
    const end = (error?: NodeJS.ErrnoException) => {
      if (error?.code !== undefined && error.code !== "EPIPE") this.#failure = error;
      this.#closing.abort();
      resume();
    };
    const close = () => end();
    const ignore = () => {}; // If standard error is closed, the error cannot be reported.
    stdout.on("drain", resume).on("error", end).on("close", close);
    stderr.on("error", ignore);
    this.#release = () => {
      stdout.off("drain", resume).off("error", end).off("close", close);
      stderr.off("error", ignore);
    };
  }

  /** Opens standard input at the first use. */
  get stdin(): Input {
    return this.#streams.stdin;
  }

  /** Whether a person can answer a question: input and questions are both on a terminal. */
  get canAsk(): boolean {
    return this.isErrorTerminal && this.stdin.isTTY === true;
  }

  get columns(): number {
    return this.stdout.columns ?? 80;
  }

  /** The width of the terminal on standard error. */
  get errorColumns(): number {
    return this.#stderr.columns ?? 80;
  }

  /** Standard error itself, for a second terminal whose results go elsewhere. */
  get stderr(): Output {
    return this.#stderr;
  }

  /** The exit code if standard output failed for another reason than a reader that closed it; otherwise undefined. */
  get exitCode(): number | undefined {
    return this.#failure === undefined ? undefined : exit.output;
  }

  /** Writes a result. Resolves when more text may be written, or immediately if the reader has closed standard output. */
  async write(content: string | Uint8Array): Promise<void> {
    if (this.closed.aborted) return;
    this.#clearStatus();
    if (this.stdout.write(content)) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#resume = undefined;
  }

  /** Writes to standard error, for all texts that are not results. */
  say(text: string): void {
    this.#clearStatus();
    this.#stderr.write(text);
  }

  /** Makes a batch for the lines of a log on standard error. `end` closes the batch. @param droppedLine  See `LogBatch`. */
  logBatch(format: BatchFormat): LogBatch {
    this.#logBatch ??= new LogBatch(this.#stderr, format);
    return this.#logBatch;
  }

  /** Writes a line on standard error that the next status replaces. Does nothing without a terminal. */
  status(text: string): void {
    if (!this.isErrorTerminal) return;
    const line = text.slice(0, Math.max(1, this.errorColumns - 1));
    this.#stderr.write(`\r\u001b[2K${line}`);
    this.#hasStatus = true;
  }

  /** Waits until both streams have written all texts, and stops using the streams. */
  async end(): Promise<void> {
    this.#clearStatus();
    this.#logBatch?.close();
    const flushed = (stream: Output) => new Promise<void>((resolve) => stream.write("", () => resolve()));
    await Promise.all([this.closed.aborted ? undefined : flushed(this.stdout), flushed(this.#stderr)]);
    this.#release();
    // A write that fails after this moment must not end the process.
    for (const stream of [this.stdout, this.#stderr]) if (stream.listenerCount("error") === 0) stream.on("error", () => {});
    if (this.#failure !== undefined) this.#stderr.write(`Writing to standard output failed: ${this.#failure.code}\n`);
  }

  #clearStatus(): void {
    if (this.#hasStatus) this.#stderr.write("\r\u001b[2K");
    this.#hasStatus = false;
  }
}
