// The type of commands that plugins add to the `quater` program, and the terminal functions that a command gets.

import type { Presented } from "../model/credentials.ts";
import type { Awaitable } from "../model/principal.ts";
import type { JsonSchema } from "../schema/schema.ts";
import type { Static, TSchema } from "../schema/typebox.ts";

export interface CommandIo {
  /**
   * Writes a result unchanged, one text per call. A command with a long result waits for each text, because texts that standard
   * output cannot take yet stay in memory.
   *
   * @returns A promise that resolves when more text may be written.
   */
  readonly write: (text: string) => Promise<void>;
  /** Writes a JSON result: formatted for a person on a terminal, and as JSON text otherwise. */
  readonly show: (value: unknown) => void;
  /** Writes a line for the person at the terminal that is not part of the result. */
  readonly say: (text: string) => void;
  readonly isTerminal: boolean;
  /** Whether results are written as JSON, because the user chose JSON or the output is not a terminal. */
  readonly isJson: boolean;
  /**
   * An AbortSignal that aborts when the process must end, or when the reader of standard output has left. A command that uses
   * this AbortSignal must then end itself.
   */
  readonly signal: AbortSignal;
  /**
   * Asks the person at the terminal a question. For a secret, the terminal does not show the typed characters.
   *
   * @returns `undefined` when there is no terminal. @throws {QuaterError} `cancelled`.
   */
  readonly ask: (question: string, how?: { readonly isSecret?: boolean }) => Promise<string | undefined>;
  /** Reads all of standard input. @throws {QuaterError} `too_large`. */
  readonly readInput: () => Promise<Uint8Array>;
  /** Returns the absolute path of a file that the command line names, relative to the folder in which the command was typed. */
  readonly pathOf: (file: string) => string;
  /** The credentials of the person at the terminal, for authentication by a surface. */
  readonly credentials: Presented;
}

/** A command of the `quater` program. The flags of the command are derived from its input schema, as for actions. */
export interface PluginCommand {
  readonly path: readonly string[];
  readonly description: string;
  readonly input: JsonSchema | object;
  /** Names of inputs that may be given by position instead of by flag. */
  readonly positional?: readonly string[];
  /** A command line for the help: `quater quota refundOrder`. */
  readonly example?: string;
  /** Runs the command. @returns The exit code; `undefined` means 0. */
  readonly run: (input: never, io: CommandIo) => Awaitable<number | undefined>;
}

export interface CommandDefinition<Input extends TSchema> {
  /** The words of the command: `["audit", "tail"]`. */
  readonly path: readonly string[];
  readonly description: string;
  /** The schema of the input, an object. The flags are derived from this schema, as for actions. */
  readonly input: Input;
  /** Names of inputs that may be given by position instead of by flag. */
  readonly positional?: readonly NoInfer<keyof Static<Input> & string>[];
  /** A command line for the help: `quater quota refundOrder`. Default: the words of the command with its required inputs. */
  readonly example?: string;
  /** Runs the command with the checked input. Returns the exit code; `undefined` means 0. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a command that returns nothing is common and fine
  readonly run: (input: NoInfer<Static<Input>>, io: CommandIo) => Awaitable<number | undefined | void>;
}

/**
 * Makes a command of the `quater` program, typed from its input schema.
 *
 * @example
 * command({
 *   path: ["quota"],
 *   description: "Shows the quota of a handler.",
 *   input: Type.Object({ handler: Type.String() }),
 *   positional: ["handler"],
 *   run: ({ handler }, io) => io.show(quotas.of(handler)),
 * })
 */
export const command = <const Input extends TSchema>(definition: CommandDefinition<Input>): PluginCommand =>
  definition as unknown as PluginCommand;
