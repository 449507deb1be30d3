// The streams of the program. Standard output gets only results. If the reader closes standard output early (`| head -1`), the
// program ends without an error. If the reader is slow, `write` waits.

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
  /** Standard output itself, for the messages of a protocol. Call `write` for results. */
  readonly stdout: Output;
  /** Whether standard output is a terminal, so that a person reads the result. */
  readonly isTerminal: boolean;
  /** Whether standard error is a terminal, so that the program can replace a printed line. */
  readonly isErrorTerminal: boolean;
  /** An AbortSignal that aborts once standard output accepts no more text. */
  readonly closed: AbortSignal;
  /** Adds styles to texts of results on standard output. */
  readonly paint: Paint;
  /** Adds styles to texts on standard error. */
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
    const mayColour = (env["NO_COLOR"] ?? "") === ""; // By the rule of no-color.org, the variable is set and not empty.
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
    const ignore = () => {}; // If standard error is closed, the program cannot report the error.
    stdout.on("drain", resume).on("error", end).on("close", close);
    stderr.on("error", ignore);
    this.#release = () => {
      stdout.off("drain", resume).off("error", end).off("close", close);
      stderr.off("error", ignore);
    };
  }

  /** Standard input. The first use opens standard input. */
  get stdin(): Input {
    return this.#streams.stdin;
  }

  /** Whether a person can answer a question: standard input and standard error are both a terminal. */
  get canAsk(): boolean {
    return this.isErrorTerminal && this.stdin.isTTY === true;
  }

  get columns(): number {
    return this.stdout.columns ?? 80;
  }

  /** The width of the terminal on standard error, in columns. */
  get errorColumns(): number {
    return this.#stderr.columns ?? 80;
  }

  /** Standard error itself, for a second `Terminal` whose results are written to another stream. */
  get stderr(): Output {
    return this.#stderr;
  }

  /**
   * The exit code for a failed write to standard output; undefined without a failure, or if the reader closed standard output.
   */
  get exitCode(): number | undefined {
    return this.#failure === undefined ? undefined : exit.output;
  }

  /** Writes a result. Resolves when the reader accepts more text, or immediately if the reader has closed standard output. */
  async write(content: string | Uint8Array): Promise<void> {
    if (this.closed.aborted) return;
    this.#clearStatus();
    if (this.stdout.write(content)) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#resume = undefined;
  }

  /** Writes a text that is not a result to standard error. */
  say(text: string): void {
    this.#clearStatus();
    this.#stderr.write(text);
  }

  /** Makes a batch for log lines on standard error. The method `end` closes the batch. @param format  See `BatchFormat`. */
  logBatch(format: BatchFormat): LogBatch {
    this.#logBatch ??= new LogBatch(this.#stderr, format);
    return this.#logBatch;
  }

  /** Writes a line on standard error. The next call of `status` replaces the line. Does nothing without a terminal. */
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
    // A write to a stream that fails after this moment must not end the process.
    for (const stream of [this.stdout, this.#stderr]) if (stream.listenerCount("error") === 0) stream.on("error", () => {});
    if (this.#failure !== undefined) this.#stderr.write(`Writing to standard output failed: ${this.#failure.code}\n`);
  }

  #clearStatus(): void {
    if (this.#hasStatus) this.#stderr.write("\r\u001b[2K");
    this.#hasStatus = false;
  }
}
