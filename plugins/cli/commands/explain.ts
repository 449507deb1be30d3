// The command `quater explain <action>`. For each step of a call, the command prints whether the call would pass. The command
// makes no call.

import type { Kernel } from "../../../core/boot/kernel.ts";
import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { andThen } from "../../../core/model/principal.ts";
import type { Explaining, GivenInput, Operation } from "../../../core/plugin-api.ts";
import { fileFieldsOf } from "../../../core/schema/file.ts";
import { sameName } from "../actions/action-names.ts";
import { collectGiven } from "../actions/collect.ts";
import { flagsOf } from "../actions/flags.ts";
import { withFiles } from "../actions/offered-files.ts";
import { callerKinds, type ExplainArguments, explainFlags, readExplainArguments } from "../explain/explain-arguments.ts";
import { explanationText } from "../explain/explain-text.ts";
import { exit, UsageError } from "../output/exit.ts";
import { resultText } from "../output/render.ts";
import { boot, load } from "../program/boot.ts";
import type { CommandHelp, FlagHelp } from "../program/command-help.ts";
import { type Context, credentialsOf } from "../program/context.ts";
import type { Runner } from "../program/runner.ts";

export const explain: Runner = async (context, words) => {
  const args = readExplainArguments(words.slice(1));
  if (args.action === undefined)
    throw new UsageError("The command line names no action. Write quater explain <action> --as <key> --surface <surface>");
  if (context.remote !== undefined) {
    const { explainRemote } = await import("../remote/explaining.ts");
    return explainRemote(context, context.remote, args.action, args);
  }
  const kernel = await boot(context, await load(context), { mode: "run" });
  try {
    const operation = operationNamed(kernel, args.action);
    assertSurface(kernel, args.surface);
    await kernel.start();
    const explanation = await kernel.explain(await askedBy(context, operation, args));
    const { terminal } = context;
    await terminal.write(context.isJson ? resultText(explanation, context) : explanationText(explanation, terminal.paint));
    return explanation.verdict === "runs" ? exit.ok : exit.unfit;
  } finally {
    await kernel.stop();
  }
};

/** Finds an exposed handler by its name. @throws {UsageError} for an unknown name. */
export const operationNamed = ({ catalog: { operations } }: Pick<Kernel, "catalog">, typed: string): Operation => {
  const found = operations.find(({ name }) => name === typed) ?? operations.find(({ name }) => sameName(name, typed));
  if (found !== undefined) return found;
  const near = nearest(
    typed,
    operations.map(({ name }) => name),
  );
  const advice = near === undefined ? ". The command quater exposure lists all handlers" : `; did you mean "${near}"?`;
  throw new UsageError(`No handler named ${JSON.stringify(cut(typed))} is exposed${advice}`, "unknown_handler");
};

/** Checks the name of a surface. @throws {UsageError} for a surface that the project does not have. */
const assertSurface = ({ plugins }: Kernel, given: string | undefined): void => {
  const names = plugins.flatMap(({ surface, exposure = [] }) =>
    surface !== undefined && exposure.some(({ key }) => key === surface.name) ? surface.name : [],
  );
  if (given === undefined || names.includes(given)) return;
  const near = nearest(given, names);
  const advice = near === undefined ? `. The surfaces are ${names.join(", ")}` : `; did you mean "${near}"?`;
  throw new UsageError(`The project has no surface named ${JSON.stringify(cut(given))}${advice}`);
};

/** Returns the surface that the user named, or else the only surface of the handler, or else cli. @throws {UsageError} */
export const surfaceOf = ({ name, surfaces }: Operation, given: string | undefined): string => {
  if (given !== undefined) return given;
  const [only, second] = [...surfaces];
  if (only !== undefined && second === undefined) return only;
  if (surfaces.has("cli")) return "cli";
  throw new UsageError(`${name} is exposed on several surfaces. Add --surface with one of ${[...surfaces].join(", ")}`);
};

const askedBy = async (context: Context, operation: Operation, args: ExplainArguments): Promise<Explaining> => {
  const { as: key, described, approval, input } = args;
  const surface = surfaceOf(operation, args.surface);
  const flags = flagsOf(operation.input, explainFlags);
  const read = await collectGiven(context, args.tokens, flags, { input });
  const files = fileFieldsOf(operation.input);
  const given = () =>
    andThen(read(), (parts: readonly GivenInput[]) => (files.length === 0 ? parts : withFiles(parts, files, context.cwd)));
  const own = surface === "cli" ? credentialsOf(context.env) : { ...credentialsOf(context.env), surface, isLocal: false };
  const as = key !== undefined ? { key } : described !== undefined ? { described } : { credentials: own };
  return { handler: operation.name, surface, as, given, ...(approval === undefined ? {} : { approvalId: approval }) };
};

const flag = (name: string, value: string, about: string, values?: readonly string[]): FlagHelp => ({
  flag: `--${name}`,
  spelled: `--${name} <${value}>`,
  about,
  takesValue: true,
  ...(values === undefined ? {} : { values }),
});

export const help = (): readonly CommandHelp[] => [
  {
    path: ["explain"],
    usage: "explain <action> [flags]",
    description: "Says for each step of a call whether the call would pass, and what is missing. The command makes no call.",
    details:
      "Files no approval request and records no event. Policies and previews run, and open their resources. The flags of the action are the fields of its input. Without --as, the command explains a call with the credential in QUATER_TOKEN, or of the local user. Quater cannot tell what functions of a policy decide about a caller that is only described. The exit code is 0 if the handler would run, and 1 otherwise.",
    flags: [
      flag("as", "key", "The name or the id of a key in the key file"),
      flag("surface", "surface", "The surface of the call, such as http, mcp or cli"),
      flag("scope", "scope", "Describe a caller with this scope. Repeat the flag for several"),
      flag("role", "role", "Describe a caller with this role. Repeat the flag for several"),
      flag("kind", "kind", "Describe a caller of this kind", callerKinds),
      flag("person", "name", "Describe a caller that is this person"),
      flag("input", "file", 'Read the whole input as JSON from a file; "-" reads standard input'),
      flag("approval", "id", "Explain a call that names this approval"),
    ],
    examples: [
      [
        "Explain a refused call of an agent",
        "quater explain refundOrder --order-id ord_1 --amount-cents 500 --as support-bot --surface mcp",
      ],
    ],
    words: "actions",
  },
];
