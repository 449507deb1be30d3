// Reads the command line of `quater init`. This file does not use clipanion, because the error of clipanion does not contain a
// mistyped flag if the command has an optional word.

import { parseArgs } from "node:util";
import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { UsageError } from "../output/exit.ts";
import type { CommandHelp, FlagHelp } from "../program/command-help.ts";
import type { Example } from "./example.ts";
import { type ExampleName, examples, isExample } from "./examples.ts";
import { isManager, type Manager, managers } from "./manager.ts";

export interface InitArguments {
  readonly folder: string | undefined;
  /** Whether the flag `-y` is set. With `-y`, the command asks no questions. */
  readonly isSilent: boolean;
  readonly name: string | undefined;
  readonly manager: Manager | undefined;
  readonly example: ExampleName;
  /** The version of Quater that package.json requires. */
  readonly quater: string | undefined;
}

const options = {
  yes: { type: "boolean", short: "y" },
  name: { type: "string" },
  pm: { type: "string" },
  quater: { type: "string" },
  example: { type: "string" },
} as const;
const flags = ["-y", ...Object.keys(options).map((name) => `--${name}`)];

/** Reads the command line of `quater init`. @param words  The words after `init`. @throws {UsageError} */
export const readInitArguments = (words: readonly string[]): InitArguments => {
  const { tokens, values, positionals } = parseArgs({
    args: [...words],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const option = options[token.name as keyof typeof options];
    if (!Object.hasOwn(options, token.name)) throw unknownFlag(token.rawName);
    const isGiven = token.value !== undefined;
    if (option.type === "boolean" && isGiven)
      throw new UsageError(`${token.rawName} takes no value. Write ${token.rawName} without a value`);
    if (option.type === "string" && (!isGiven || token.value === "" || token.value?.startsWith("-") === true))
      throw new UsageError(`${token.rawName} needs a value`);
  }
  const [folder, extra] = positionals;
  if (extra !== undefined) throw new UsageError(`Unexpected argument ${JSON.stringify(cut(extra))}. Write quater init [dir]`);
  if (folder === "") throw new UsageError("The folder has an empty name. Write quater init [dir]");
  const text = (name: "name" | "pm" | "quater" | "example") => values[name] as string | undefined;
  const manager = text("pm");
  if (manager !== undefined && !isManager(manager))
    throw new UsageError(`--pm ${JSON.stringify(cut(manager))} is unknown. Use one of ${managers.join(", ")}`);
  const example = text("example") ?? "hello";
  if (!isExample(example))
    throw new UsageError(`--example ${JSON.stringify(cut(example))} is unknown. Use one of ${Object.keys(examples).join(", ")}`);
  return { folder, isSilent: values.yes === true, name: text("name"), manager, example, quater: text("quater") };
};

const unknownFlag = (flag: string): UsageError => {
  const near = nearest(flag, [...flags, "--json", "--help"]);
  return new UsageError(
    `Unknown flag ${flag}; ${near === undefined ? "quater init --help lists the flags" : `did you mean ${near}?`}`,
  );
};

const flag = (name: string, placeholder: string, about: string, values?: readonly string[]): FlagHelp => ({
  flag: `--${name}`,
  spelled: placeholder === "" ? `--${name}` : `--${name} ${placeholder}`,
  about,
  takesValue: placeholder !== "",
  ...(values === undefined ? {} : { values }),
});

export const help = (): readonly CommandHelp[] => [
  {
    path: ["init"],
    usage: "init [dir] [flags]",
    description:
      "Creates a project in a folder: a handler, its test, the manifest, and a development key. Existing files are not overwritten.",
    flags: [
      { ...flag("yes", "", "Ask no questions and use the suggested values"), spelled: "-y, --yes" },
      flag("name", "<name>", "The name of the project. Default: the name of the folder"),
      flag(
        "pm",
        "<manager>",
        `${managers.join(", ")}. Default: the one of the lock file, or the one that runs this command`,
        managers,
      ),
      flag("example", "<name>", `${exampleList()}. Default: hello`, Object.keys(examples)),
      flag("quater", "<spec>", "The version of quater for package.json, or a packed file. Default: this version"),
      flag("json", "", "Print the result as JSON"),
    ],
    examples: [
      ["Answer three questions", "quater init"],
      ["Create a project whose handler needs an approval", "quater init payments -y --example approvals"],
    ],
  },
];

/** Returns the list of examples for an error message, such as `hello, approvals (a handler that needs approval)`. */
const exampleList = (): string =>
  Object.entries(examples)
    .map(([name, { purpose }]: [string, Example]) => `${name} (${purpose})`)
    .join(", ");
