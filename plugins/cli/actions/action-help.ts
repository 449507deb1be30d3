// Makes the help of an action, as text for people and as JSON for agents.

import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import type { JsonSchema, Operation } from "../../../core/plugin-api.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { Requirement } from "../../offered.ts";
import { aligned } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";
import type { Context } from "../program/context.ts";
import { programWords } from "../program/program-words.ts";
import { calledName } from "./action-names.ts";
import { type Flag, isByInput, placeholderOf } from "./flags.ts";
import type { ReadyLines } from "./ready-lines.ts";
import { runFlags } from "./run-flags.ts";

/** Returns a flag with the placeholder of its value, such as `--order-id <string>`. */
export const spelled = (flag: Flag): string => `--${flag.flag}${flag.kind === "switch" ? "" : ` ${placeholderOf(flag)}`}`;

/** Returns the usage line of an action: `quater run refundOrder --order-id <string> [--reason <string>]`. */
export const usageLine = (name: string, flags: readonly Flag[], program = "quater"): string => {
  const typed = flags.filter((flag) => !isByInput(flag) && !flag.hasParts);
  const needsInput = flags.some((flag) => flag.isShadowed && flag.isRequired);
  const parts = [...typed.filter((flag) => flag.isRequired), ...typed.filter((flag) => !flag.isRequired)].map((flag) =>
    flag.isRequired ? spelled(flag) : `[${spelled(flag)}]${flag.kind === "list" ? "..." : ""}`,
  );
  return [program, "run", name, ...parts, ...(needsInput ? ["--input <file>"] : [])].join(" ");
};

/** Returns the limits of a schema in words, such as `1 to 50 characters`, `at most 5 items`, `more than 0`. */
const limitsOf = (schema: JsonSchema): readonly string[] => [
  ...range(schema["minimum"], schema["maximum"]),
  ...single("more than", schema["exclusiveMinimum"]),
  ...single("less than", schema["exclusiveMaximum"]),
  ...single("a multiple of", schema["multipleOf"]),
  ...range(schema["minLength"], schema["maxLength"], "character"),
  ...range(schema["minItems"], schema["maxItems"], "item"),
  ...single("pattern", schema["pattern"]),
];

const single = (words: string, value: unknown): readonly string[] => (value === undefined ? [] : [`${words} ${String(value)}`]);

const range = (least: unknown, most: unknown, unit?: string): readonly string[] => {
  const counted = (count: unknown) => `${String(count)}${unit === undefined ? "" : ` ${unit}${count === 1 ? "" : "s"}`}`;
  if (least === most) return least === undefined ? [] : [`exactly ${counted(least)}`];
  if (least === undefined) return [`at most ${counted(most)}`];
  return [most === undefined ? `at least ${counted(least)}` : `${String(least)} to ${counted(most)}`];
};

const remarks = (flag: Flag): string => {
  const { schema, kind } = flag;
  const found = [
    flag.isRequired ? "required" : undefined,
    "default" in schema ? `default ${JSON.stringify(schema["default"])}` : undefined,
    kind === "list" ? "repeat the flag for several values" : undefined,
    flag.hasParts
      ? `JSON text, or its fields as flags: --${flag.flag}.<field>`
      : kind === "json"
        ? "JSON text"
        : kind === "either"
          ? "text, or JSON that begins with { or ["
          : undefined,
    ...limitsOf(schema),
    flag.isSecret ? `secret: give it with --input or in the variable ${flag.variable}` : undefined,
    !flag.isSecret && flag.isShadowed ? "only with --input, because the program has a flag of this name" : undefined,
  ];
  return found.filter((text) => text !== undefined).join(", ");
};

const descriptionOf = (schema: JsonSchema): string =>
  typeof schema["description"] === "string" ? visible(schema["description"]) : "";

/** Returns the description of a flag, with the limits of its value in parentheses. The text is safe to print. */
export const aboutOf = (flag: Flag): string =>
  [descriptionOf(flag.schema), `(${visible(remarks(flag))})`].filter((text) => text !== "" && text !== "()").join(" ");

const flagRows = (flags: readonly Flag[]): [string, string][] =>
  flags.map((flag) => [visible(isByInput(flag) ? flag.name : spelled(flag)), aboutOf(flag)]);

/** Returns the help text of the flags of a command. The text is safe to print. */
export const flagHelp = (flags: readonly Flag[], paint: Paint): string =>
  flags.length === 0 ? "\nThis command takes no input.\n" : `\n${paint("bold", "Flags")}\n${aligned(flagRows(flags))}`;

/** Returns the help text of an action. The text is safe to print. */
export const actionHelp = (
  operation: Operation,
  flags: readonly Flag[],
  paint: Paint,
  requirement: Requirement | undefined,
): string => {
  const { name, handler } = operation;
  const facts = aligned(factRows(operation, requirement));
  return [
    `${paint("bold", "Usage")}  ${visible(usageLine(name, flags))}\n`,
    `\n${visibleLines(handler.description)}\n`,
    `\n${facts}`,
    flagHelp(flags, paint),
    `\n${paint("bold", "Flags of all actions")}\n${aligned(runFlags.map(({ spelled, about }) => [spelled, about]))}`,
  ].join("");
};

const factRows = (operation: Operation, requirement: Requirement | undefined): [string, string][] => {
  const approval = approvalOf(operation, requirement);
  const problems = operation.problems.map(({ code }) => code);
  return [
    ["effect", operation.handler.effect],
    ["auth", visible(operation.policy.name)],
    ...(approval === null ? [] : [["approval", visible(approval)] as [string, string]]),
    ...(problems.length === 0 ? [] : [["problems", visible(problems.join(", "))] as [string, string]]),
  ];
};

/**
 * Returns the people who must approve a call, such as `finance: 1 with role finance`. Returns `needed` if a call needs approval
 * but no requirement is known, and `null` if calls need no approval.
 */
export const approvalOf = (operation: Operation, requirement: Requirement | undefined): string | null => {
  return operation.needsApproval ? (requirement?.words ?? "needed") : null;
};

export interface ActionDescription {
  readonly name: string;
  readonly description: string;
  readonly effect: string;
  readonly auth: string;
  /** The `Requirement` of the approval policy, or the value of the key `approval` in the exposure. */
  readonly approval?: unknown;
  /** The error codes that the handler itself declares. */
  readonly problems?: readonly string[];
  /** The error kinds of the codes that `problem()` made, by code. The error kind determines the exit code. */
  readonly problemKinds?: Readonly<Record<string, string>>;
  readonly input: JsonSchema;
  readonly output?: JsonSchema;
  readonly isStream: boolean;
  readonly flags: readonly {
    readonly input: string;
    readonly flag?: string;
    readonly isRequired: boolean;
    readonly kind: string;
    readonly variable?: string;
  }[];
  /** Command lines with placeholders. The reader must replace the placeholders before running the command lines. */
  readonly usage: { readonly run: string; readonly dryRun: string };
}

/** Returns the error kinds of the handler's error codes. A code that the handler declares as a plain text has no error kind. */
const kindsOf = (problems: Operation["problems"]): Readonly<Record<string, string>> =>
  Object.fromEntries(problems.flatMap(({ code, kind }) => (kind === undefined ? [] : [[code, kind]])));

export const describeAction = (
  operation: Operation,
  flags: readonly Flag[],
  requirement: Requirement | undefined,
  context: Pick<Context, "env" | "cwd" | "remote">,
): ActionDescription => {
  const { name, handler, policy, input, output, isStream, problems } = operation;
  const program = programWords(context);
  const called = calledName(name, context.remote);
  return {
    name,
    description: handler.description,
    effect: handler.effect,
    auth: policy.name,
    ...(operation.needsApproval ? { approval: requirement ?? true } : {}),
    ...(handler.problems === undefined ? {} : { problems: problems.map(({ code }) => code) }),
    ...(problems.some(({ kind }) => kind !== undefined) ? { problemKinds: kindsOf(problems) } : {}),
    input,
    ...(output === undefined ? {} : { output }),
    isStream,
    flags: flags.map((flag) => ({
      input: flag.name,
      ...(isByInput(flag) ? {} : { flag: `--${flag.flag}` }),
      isRequired: flag.isRequired,
      kind: flag.kind,
      ...(flag.isSecret ? { variable: flag.variable } : {}),
    })),
    usage: { run: usageLine(called, flags, program), dryRun: usageLine(`${called} --dry-run`, flags, program) },
  };
};

/** Returns the description of an action as text that is safe to print. */
export const descriptionText = (
  operation: Operation,
  flags: readonly Flag[],
  requirement: Requirement | undefined,
  context: Context,
  ready: ReadyLines,
): string => {
  const { paint } = context.terminal;
  const { usage, input } = describeAction(operation, flags, requirement, context);
  return [
    `${paint("bold", visible(operation.name))}\n${visibleLines(operation.handler.description)}\n`,
    `\n${aligned(factRows(operation, requirement))}`,
    flagHelp(flags, paint),
    `\n${paint("bold", "Input schema")}\n${visibleLines(JSON.stringify(isPlainObject(input) ? input : {}, null, 2))}\n`,
    `\n${paint("bold", "To run")}\n  ${visible(usage.dryRun)}\n  ${visible(usage.run)}\n`,
    readyText(ready, paint),
  ].join("");
};

const surfaces = { run: "At the terminal", http: "Over HTTP", mcp: "As a tool, over MCP" } as const;

/** Returns the text with the command lines that the reader can paste unchanged. */
const readyText = (ready: ReadyLines, paint: Paint): string => {
  const lines = (["run", "http", "mcp"] as const).flatMap((surface) => {
    const line = ready[surface];
    return line === undefined ? [] : [`  ${surfaces[surface]}:\n    ${visible(line)}\n`];
  });
  return lines.length === 0 ? "" : `\n${paint("bold", "To paste, with an example input")}\n${lines.join("")}`;
};
