// Reads the command line of `quater init`. clipanion is not used, because with an optional word it does not name a mistyped flag.

import { parseArgs } from "node:util";
import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { UsageError } from "../output/exit.ts";
import { aligned } from "../output/render.ts";
import { type ExampleName, examples, isExample } from "./examples.ts";
import { isManager, type Manager, managers } from "./manager.ts";

export interface InitArguments {
  readonly folder: string | undefined;
  /** The flag `-y`: ask no questions. */
  readonly isSilent: boolean;
  readonly name: string | undefined;
  readonly manager: Manager | undefined;
  readonly example: ExampleName;
  /** The version of Quater for package.json. */
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

/** @param words  The words after `init`. @throws {UsageError} */
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
    if (option.type === "boolean" && isGiven) throw new UsageError(`${token.rawName} takes no value`);
    if (option.type === "string" && (!isGiven || token.value === "" || token.value?.startsWith("-") === true))
      throw new UsageError(`${token.rawName} needs a value`);
  }
  const [folder, extra] = positionals;
  if (extra !== undefined) throw new UsageError(`Unexpected word ${JSON.stringify(cut(extra))}; write quater init [dir]`);
  if (folder === "") throw new UsageError("The folder has no name; write quater init [dir]");
  const text = (name: "name" | "pm" | "quater" | "example") => values[name] as string | undefined;
  const manager = text("pm");
  if (manager !== undefined && !isManager(manager))
    throw new UsageError(`--pm ${JSON.stringify(cut(manager))} is not one of ${managers.join(", ")}`);
  const example = text("example") ?? "hello";
  if (!isExample(example))
    throw new UsageError(`--example ${JSON.stringify(cut(example))} is not one of ${Object.keys(examples).join(", ")}`);
  return { folder, isSilent: values.yes === true, name: text("name"), manager, example, quater: text("quater") };
};

const unknownFlag = (flag: string): UsageError => {
  const near = nearest(flag, [...flags, "--json", "--help"]);
  return new UsageError(
    `Unknown flag ${flag}; ${near === undefined ? "quater init --help lists them" : `did you mean ${near}?`}`,
  );
};

export const help = `Usage  quater init [dir] [flags]

Makes a project in a folder: a handler, its test, the manifest, and a key for development. What is there already stays.

${aligned([
  ["-y, --yes", "Ask nothing and take what would be suggested"],
  ["--name <name>", "The project's name. Default: the folder's"],
  ["--pm <manager>", `${managers.join(", ")}. Default: by the lock file, or the one that runs this`],
  ["--example <name>", "hello, or approvals: a handler that a person must agree to. Default: hello"],
  ["--quater <spec>", "What package.json asks for: a version, or a packed file. Default: this version"],
  ["--json", "What was done, as JSON"],
])}`;
