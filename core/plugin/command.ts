// The type of commands that plugins add to the `quater` program, and the terminal functions that Quater passes to a command.

import type { Presented } from "../model/credentials.ts";
import type { Awaitable } from "../model/principal.ts";
import type { JsonSchema } from "../schema/schema.ts";
import type { Static, TSchema } from "../schema/typebox.ts";

export interface CommandIo {
  /**
   * Writes a part of the command's result unchanged, one text per call. A command with a long result must wait for each text.
   * Texts that standard output cannot accept yet stay in memory.
   *
   * @returns A promise that resolves when the command may write more text.
   */
  readonly write: (text: string) => Promise<void>;
  /**
   * Writes the JSON result of the command. On a terminal, Quater formats the result for people. If standard output is not a
   * terminal, the result is JSON text.
   */
  readonly show: (value: unknown) => void;
  /** Writes a line for the person at the terminal. A line of `say` is not part of the command's result. */
  readonly say: (text: string) => void;
  readonly isTerminal: boolean;
  /** Whether the command writes its result as JSON, because the user chose JSON or standard output is not a terminal. */
  readonly isJson: boolean;
  /**
   * An AbortSignal that aborts when the process must end, or when the reader of standard output has left. A command that uses
   * this AbortSignal must end when the signal aborts.
   */
  readonly signal: AbortSignal;
  /**
   * Asks the person at the terminal a question. For a secret, the terminal does not show the typed characters.
   *
   * @returns The answer of the person, or `undefined` when the process has no terminal. @throws {QuaterError} `cancelled`.
   */
  readonly ask: (question: string, how?: { readonly isSecret?: boolean }) => Promise<string | undefined>;
  /** Reads all bytes of standard input. @throws {QuaterError} `too_large`. */
  readonly readInput: () => Promise<Uint8Array>;
  /**
   * Returns the absolute path of a file that the command line names. A relative path is relative to the folder in which the user
   * typed the command.
   */
  readonly pathOf: (file: string) => string;
  /** The credentials of the person at the terminal, for authentication by a surface. */
  readonly credentials: Presented;
}

/** A command of the `quater` program. Quater derives the flags of the command from its input schema, as for actions. */
export interface PluginCommand {
  readonly path: readonly string[];
  readonly description: string;
  readonly input: JsonSchema | object;
  /** The names of the inputs that the user may give by position instead of by flag. */
  readonly positional?: readonly string[];
  /** An example of a command line for the help text: `quater quota refundOrder`. */
  readonly example?: string;
  /** Runs the command. @returns The exit code of the command; `undefined` means 0. */
  readonly run: (input: never, io: CommandIo) => Awaitable<number | undefined>;
}

export interface CommandDefinition<Input extends TSchema> {
  /** The words of the command: `["audit", "tail"]`. */
  readonly path: readonly string[];
  readonly description: string;
  /**
   * The schema of the command's input. The input must be an object. Quater derives the flags of the command from this schema, as
   * for actions.
   */
  readonly input: Input;
  /** The names of the inputs that the user may give by position instead of by flag. */
  readonly positional?: readonly NoInfer<keyof Static<Input> & string>[];
  /**
   * An example of a command line for the help text: `quater quota refundOrder`. Default: the words of the command with its
   * required inputs.
   */
  readonly example?: string;
  /** Runs the command with the checked input. Returns the exit code of the command; `undefined` means 0. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a command that returns nothing is common and fine
  readonly run: (input: NoInfer<Static<Input>>, io: CommandIo) => Awaitable<number | undefined | void>;
}

/**
 * Makes a command of the `quater` program. The compiler infers the type of the input from the input schema.
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
