// The program's streams. Results go to standard output and nothing else does; a reader who leaves early (`| head -1`)
// ends the program quietly; writing waits for a slow reader.

import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";
import { exit } from "./exit.ts";

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
  /** For a protocol that owns the stream; results are written by `write`. */
  readonly stdout: Output;
  /** Standard output is a terminal, so a person reads the result. */
  readonly isTerminal: boolean;
  /** Standard error is a terminal, so a line may be rewritten. */
  readonly isErrorTerminal: boolean;
  /** Aborted once standard output takes nothing more. */
  readonly closed: AbortSignal;
  /** For results. */
  readonly paint: Paint;
  /** For everything else. */
  readonly paintError: Paint;
  readonly #streams: Pick<Streams, "stdin">;
  readonly #stderr: Output;
  readonly #closing = new AbortController();
  readonly #release: () => void;
  #resume: (() => void) | undefined;
  #failure: NodeJS.ErrnoException | undefined;
  #hasStatus = false;

  constructor(streams: Streams, env: Readonly<Record<string, string | undefined>>) {
    const { stdout, stderr } = streams;
    this.#streams = streams;
    this.stdout = stdout;
    this.#stderr = stderr;
    this.isTerminal = stdout.isTTY === true;
    this.isErrorTerminal = stderr.isTTY === true;
    this.closed = this.#closing.signal;
    const mayColour = (env["NO_COLOR"] ?? "") === ""; // no-color.org: set and not empty
    const painter =
      (isOn: boolean): Paint =>
      (style, text) =>
        // Decided here, by the streams that were handed in, and not by styleText, which asks about the process's own.
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
    const ignore = () => {}; // nobody is left to tell that standard error is gone
    stdout.on("drain", resume).on("error", end).on("close", close);
    stderr.on("error", ignore);
    this.#release = () => {
      stdout.off("drain", resume).off("error", end).off("close", close);
      stderr.off("error", ignore);
    };
  }

  /** Opened when it is first asked for. */
  get stdin(): Input {
    return this.#streams.stdin;
  }

  get columns(): number {
    return this.stdout.columns ?? 80;
  }

  /** Undefined unless standard output failed by more than a reader who left. */
  get exitCode(): number | undefined {
    return this.#failure === undefined ? undefined : exit.output;
  }

  /** Writes a result. Resolves when more may be written; at once where nobody reads any more. */
  async write(content: string | Uint8Array): Promise<void> {
    if (this.closed.aborted) return;
    this.#clearStatus();
    if (this.stdout.write(content)) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#resume = undefined;
  }

  /** Writes to standard error: everything that is not a result. */
  say(text: string): void {
    this.#clearStatus();
    this.#stderr.write(text);
  }

  /** One line on standard error that the next one replaces; nothing where it is no terminal. */
  status(text: string): void {
    if (!this.isErrorTerminal) return;
    const line = text.slice(0, Math.max(1, (this.#stderr.columns ?? 80) - 1));
    this.#stderr.write(`\r\u001b[2K${line}`);
    this.#hasStatus = true;
  }

  /** Waits until both streams have handed over what they hold, and lets go of them. */
  async end(): Promise<void> {
    this.#clearStatus();
    const flushed = (stream: Output) => new Promise<void>((resolve) => stream.write("", () => resolve()));
    await Promise.all([this.closed.aborted ? undefined : flushed(this.stdout), flushed(this.#stderr)]);
    this.#release();
    // A failed write that is told after this moment must not end the process.
    for (const stream of [this.stdout, this.#stderr]) if (stream.listenerCount("error") === 0) stream.on("error", () => {});
    if (this.#failure !== undefined) this.#stderr.write(`Standard output failed: ${this.#failure.code}\n`);
  }

  #clearStatus(): void {
    if (this.#hasStatus) this.#stderr.write("\r\u001b[2K");
    this.#hasStatus = false;
  }
}
