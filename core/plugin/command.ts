// A command that a plugin adds to the `quater` program, and the terminal as the command sees it.

import type { Presented } from "../model/credentials.ts";
import type { Awaitable } from "../model/principal.ts";
import type { JsonSchema } from "../schema/schema.ts";
import type { Static, TSchema } from "../schema/typebox.ts";

export interface CommandIo {
  /** Writes a result as it is, one text per call. */
  readonly write: (text: string) => void;
  /** Writes a result that is JSON: formatted for a person on a terminal, and as JSON text otherwise. */
  readonly show: (value: unknown) => void;
  /** Writes a whole line that is not a result. */
  readonly say: (text: string) => void;
  readonly isTerminal: boolean;
  /** Results are JSON: the caller chose JSON, or standard output is not a terminal. */
  readonly isJson: boolean;
  /** Aborted when the process is asked to end. A command that reads it must end then. */
  readonly signal: AbortSignal;
  /**
   * Asks the person at the terminal. The terminal does not show what is typed for a secret.
   *
   * @returns `undefined` when there is no terminal to ask on. @throws {QuaterError} `cancelled`.
   */
  readonly ask: (question: string, how?: { readonly isSecret?: boolean }) => Promise<string | undefined>;
  /** All of standard input. @throws {QuaterError} `too_large`. */
  readonly readInput: () => Promise<Uint8Array>;
  /** A file that the command line names, relative to where the command was typed. */
  readonly pathOf: (file: string) => string;
  /** The credentials of the person at the terminal, for a surface's door. */
  readonly credentials: Presented;
}

/** A command of the `quater` program. Flags are derived from the schema as for actions. */
export interface PluginCommand {
  readonly path: readonly string[];
  readonly description: string;
  readonly input: JsonSchema | object;
  /** Names of inputs that may be given by position. */
  readonly positional?: readonly string[];
  /** @returns The exit code; nothing is 0. */
  readonly run: (input: never, io: CommandIo) => Awaitable<number | undefined>;
}

export interface CommandDefinition<Input extends TSchema> {
  /** The words to type: `["audit", "tail"]`. */
  readonly path: readonly string[];
  readonly description: string;
  /** An object schema. Flags are derived from it as for actions. */
  readonly input: Input;
  /** Names of inputs that may be given by position. */
  readonly positional?: readonly NoInfer<keyof Static<Input> & string>[];
  /** Receives the checked input. Returns the exit code; nothing is 0. */
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
