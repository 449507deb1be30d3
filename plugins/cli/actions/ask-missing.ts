// Asks the person at the terminal for required inputs that the command line does not contain. Nobody can answer a question in a
// pipe. So the gate refuses such a call in a pipe, and the refusal names all missing flags.

import { isQuaterError, type QuaterError } from "../../../core/diagnostics/errors.ts";
import { binderOf } from "../../../core/pipeline/bind.ts";
import { closed, type JsonSchema } from "../../../core/schema/schema.ts";
import { asking } from "../output/questions.ts";
import type { Terminal } from "../output/terminal.ts";
import { aboutOf, spelled } from "./action-help.ts";
import { type Flag, isByInput, valuesOfFlag } from "./flags.ts";
import { givenFrom, pointerOf, type Texts } from "./given.ts";

/**
 * Returns the flags of the required inputs that are missing. For an object whose required fields have flags, returns the flags of
 * the fields.
 *
 * @param given  The names of the inputs that the command line contains.
 */
export const missingOf = (flags: readonly Flag[], given: ReadonlySet<string>): readonly Flag[] => {
  const isGiven = ({ path }: Flag) => path.some((_, at) => given.has(path.slice(0, at + 1).join(".")));
  const isNeeded = (flag: Flag) => flag.isRequired && !isByInput(flag) && !isGiven(flag);
  return flags.filter((flag) => isNeeded(flag) && !(flag.hasParts && hasRequiredPart(flags, flag)));
};

const hasRequiredPart = (flags: readonly Flag[], { name, path }: Flag): boolean =>
  flags.some((part) => part.isRequired && part.path.length === path.length + 1 && part.name.startsWith(`${name}.`));

/** Returns a hint for a refused call, such as `Missing flags: --order-id <string>`; `undefined` if no flag is missing. */
export const missingHint = (flags: readonly Flag[], { errors = [] }: QuaterError): string | undefined => {
  const absent = new Set(errors.flatMap(({ path, message }) => (message === "is required" ? [path] : [])));
  const isAbsent = ({ path }: Flag) => path.some((_, at) => absent.has(pointerOf(path.slice(0, at + 1))));
  const present = flags.filter((flag) => !isAbsent(flag)).map(({ name }) => name);
  const missing = missingOf(flags, new Set(present));
  return missing.length === 0 ? undefined : `Missing flags: ${missing.map(spelled).join(" ")}`;
};

/** Returns the answers of the person by input name, or no answers if nobody can answer. @throws {QuaterError} `cancelled`. */
export const askMissing = async (terminal: Terminal, flags: readonly Flag[], given: ReadonlySet<string>): Promise<Texts> => {
  const answers = new Map<string, readonly string[]>();
  if (!terminal.canAsk) return answers;
  const missing = missingOf(flags, given);
  if (missing.length === 0) return answers;
  const ask = await asking(terminal);
  for (const flag of missing) {
    const about = aboutOf(flag);
    const question = about === "" ? flag.name : `${flag.name}: ${about}`;
    const values = flag.kind === "switch" ? ["true", "false"] : valuesOfFlag(flag);
    const answer = values === undefined ? await ask.text(question, "", problemOf(flag)) : await ask.choice(question, values);
    answers.set(flag.name, [answer]);
  }
  return answers;
};

/**
 * Returns a function that checks one answer like the binding of the call, but without references to other parts of the schema.
 */
const problemOf = (flag: Flag): ((answer: string) => string | undefined) => {
  const own = { ...flag, name: "answer", path: ["answer"] };
  const schema = closed({ type: "object", properties: { answer: flag.schema }, required: ["answer"] }) as JsonSchema;
  const bind = JSON.stringify(flag.schema).includes('"$ref"') ? undefined : binderFor(schema);
  return (answer) => {
    try {
      bind?.(givenFrom("answers", new Map([["answer", [answer]]]), [own]));
      return undefined;
    } catch (error) {
      if (!isQuaterError(error)) throw error;
      return error.errors?.[0]?.message ?? error.message;
    }
  };
};

/** Returns `undefined` for a schema that cannot be compiled. A remote may send such a schema. The remote also checks the call. */
const binderFor = (schema: JsonSchema): ReturnType<typeof binderOf> | undefined => {
  try {
    return binderOf(schema);
  } catch {
    return undefined;
  }
};

/** Returns the answers of the person as words of a command line, so that the person can repeat the command. */
export const asWords = (answers: Texts, flags: readonly Flag[]): readonly string[] =>
  flags.flatMap((flag) => (answers.get(flag.name) ?? []).map((answer) => `--${flag.flag}=${answer}`));
