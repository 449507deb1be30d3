// Describes handlers as tools. The descriptions are made at boot, in the manifest's order. Each principal gets a list of the
// tools that the principal may see.

import type { BootProblem } from "../../core/diagnostics/problem.ts";
import { visible } from "../../core/diagnostics/text.ts";
import { type Principal, type Static, Type } from "../../core/index.ts";
import { exposureKey, type KeyProblem } from "../../core/plugin/exposure-key.ts";
import { type Catalog, isVisibleTo, type Operation } from "../../core/plugin-api.ts";
import { hasFile } from "../../core/schema/file.ts";
import { fileAnswerRulesOf } from "../../core/schema/file-answer.ts";
import type { Approvals } from "../offered.ts";
import { portabilityProblems } from "./portable/problems.ts";
import { inputSchemaFor, outputSchemaFor, type SchemaChoice, type Wrapping } from "./schema.ts";

/** The options of a tool, in place of `mcp: true`. */
export interface ToolExposure {
  /**
   * The title for people who look at a list of tools. Printable, at most 100 characters. Without a title, clients show the tool's
   * name.
   */
  readonly title?: string;
  /**
   * Whether the tool reaches systems outside of this app, such as mail or the web (`openWorldHint`). Default: not set, which
   * clients must read as true. Quater never guesses this option from the handler.
   */
  readonly openWorld?: boolean;
}

const exposureSchema = Type.Union([
  Type.Boolean(),
  Type.Object(
    { title: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })), openWorld: Type.Optional(Type.Boolean()) },
    { additionalProperties: false },
  ),
]);

export interface Tool {
  readonly operation: Operation;
  /**
   * How values are wrapped for `structuredContent`. `undefined` for a tool without an output schema, whose results are only text.
   */
  readonly wrapping: Wrapping | undefined;
  /** The tool's entry in `tools/list`, as JSON text. */
  readonly json: string;
}

/** The form of a tool's name (MCP 2025-11-25, server/tools, "Tool Names"). */
const toolName = /^[A-Za-z0-9._-]{1,128}$/;

/** Returns why a handler cannot be a tool. SDK clients parse a list as a whole, so one bad tool would make all tools unusable. */
const toolProblems = (tool: ToolExposure | undefined, operation: Operation): KeyProblem[] => {
  const found: KeyProblem[] = [];
  if (tool === undefined) return found;
  if (!toolName.test(operation.name)) {
    found.push({
      cause: `The handler name ${operation.name} is not a valid name for an MCP tool`,
      remedy: 'Choose another name for the handler with name: "..." in the exposure',
    });
  }
  if (inputSchemaFor(operation.input, "any") === undefined) {
    found.push({
      cause: `The handler ${operation.name} cannot be an MCP tool: its input schema is not an object, and MCP requires an object`,
      remedy: "Wrap the input schema: Type.Object({ ... })",
    });
  }
  if (hasFile(operation.input)) {
    found.push({
      cause: `The handler ${operation.name} cannot be an MCP tool: it takes a file, and arguments of MCP tools are JSON`,
      remedy: "Remove mcp from the exposure, or change the input to the id of a file that a caller uploads over HTTP",
    });
  }
  if (fileAnswerRulesOf(operation.output) !== undefined) {
    found.push({
      cause: `The handler ${operation.name} cannot be an MCP tool: its output is a file, and results of MCP tools are JSON`,
      remedy: "Remove mcp from the exposure, or return the URL of the file as output",
    });
  }
  const { title } = tool;
  if (title !== undefined && visible(title) !== title) {
    found.push({
      cause: `The exposure of ${operation.name} has an mcp title with control or invisible characters`,
      remedy: "Write the title of the tool as one line of printable text",
    });
  }
  return found;
};

/** Returns the tool's options; `undefined` if the handler is not a tool. */
const toolIn = (given: Static<typeof exposureSchema>): ToolExposure | undefined =>
  typeof given === "object" ? given : given ? {} : undefined;

export const mcpKey = exposureKey("mcp", exposureSchema, {
  check: (given, operation) => toolProblems(toolIn(given), operation),
  resolve: toolIn,
});

/** Returns a problem for each part of a tool that some model providers refuse. */
export const portabilityOf = ({ operations }: Catalog): readonly BootProblem[] =>
  operations.flatMap((operation) => {
    if (mcpKey.of(operation) === undefined) return [];
    const found = [...portabilityProblems(operation.name, operation.input), ...descriptionProblems(operation)];
    return found.map((problem) => ({ place: operation.place, ...problem }));
  });

const descriptionProblems = ({ name, handler, needsApproval }: Operation): readonly KeyProblem[] => {
  const { length } = handler.description;
  const most = longestDescription - approvalSentence.length - 2;
  if (!needsApproval || length <= most) return [];
  const cause = `${name} cannot be an MCP tool for all model providers: its description has ${length} characters, and a tool that needs approval may have ${most}`;
  return [{ cause, remedy: `Shorten the description to ${most} characters` }];
};

/**
 * Returns the annotations of a tool (MCP 2025-11-25, `ToolAnnotations`). The annotations are derived from the effect, so that
 * they cannot contradict the effect. `destructiveHint` and `idempotentHint` mean nothing for reads, but reads also have them,
 * because some hosts ignore `readOnlyHint`.
 */
const annotationsOf = ({ handler }: Operation, { openWorld }: ToolExposure) => ({
  readOnlyHint: handler.effect === "read",
  destructiveHint: handler.effect === "destructive",
  idempotentHint: handler.idempotent ?? handler.effect === "read",
  ...(openWorld === undefined ? {} : { openWorldHint: openWorld }),
});

/** The last sentence in the description of a tool whose calls need approval. */
const approvalSentence = "A person must approve each call of this tool before it runs.";

/** The longest description that OpenAI accepts, characters. */
const longestDescription = 1_024;

const withApproval = (description: string): string =>
  `${description}${/[.!?]$/.test(description) ? "" : "."} ${approvalSentence}`;

/** The facts about a tool's approvals that are known before a call. `policy` is absent if another plugin requires the approval. */
interface ApprovalFacts {
  readonly required: true;
  readonly policy?: string;
}

const approvalFactsOf = (
  operation: Operation,
  approvals: Pick<Approvals, "requirementOf"> | undefined,
): ApprovalFacts | undefined => {
  const requirement = approvals?.requirementOf(operation);
  if (!operation.needsApproval || requirement?.surfaces?.includes("mcp") === false) return undefined;
  return { required: true, ...(requirement === undefined ? {} : { policy: requirement.policy }) };
};

const toolOf = (operation: Operation, exposure: ToolExposure, { schemas: choice, approvals }: ToolboxParts): Tool => {
  const { description } = operation.handler;
  const approval = approvalFactsOf(operation, approvals);
  const output = operation.output === undefined ? undefined : outputSchemaFor(operation.output, operation.isStream, choice);
  const descriptor = {
    name: operation.name,
    ...(exposure.title === undefined ? {} : { title: exposure.title }),
    description: approval === undefined ? description : withApproval(description),
    inputSchema: inputSchemaFor(operation.input, choice),
    ...(output === undefined ? {} : { outputSchema: output.schema }),
    annotations: annotationsOf(operation, exposure),
    ...(approval === undefined ? {} : { _meta: { "quater/approval": approval } }),
  };
  return { operation, wrapping: output?.wrapping, json: JSON.stringify(descriptor) };
};

/** Decides which tools the list of a caller has. */
export interface Listing {
  readonly isListed: (operation: Operation, principal: Principal) => boolean;
}

/**
 * How many lists are cached. Principals with other rights see other lists, but only a few sets of rights are in use at a time.
 */
const keptLists = 32;

export interface ToolboxParts {
  readonly schemas: SchemaChoice;
  readonly approvals?: Pick<Approvals, "requirementOf"> | undefined;
}

export class Toolbox {
  readonly #tools: readonly Tool[];
  readonly #byName: ReadonlyMap<string, Tool>;
  /** Serialised results of `tools/list`, by the visible tools, written as one character per tool. */
  readonly #lists = new Map<string, string>();

  constructor(catalog: Catalog, parts: ToolboxParts) {
    this.#tools = catalog.operations.flatMap((operation) => {
      const exposure = mcpKey.of(operation);
      return exposure === undefined ? [] : toolOf(operation, exposure, parts);
    });
    this.#byName = new Map(this.#tools.map((tool) => [tool.operation.name, tool]));
  }

  /** All tools, in the manifest's order. */
  get tools(): readonly Tool[] {
    return this.#tools;
  }

  find(name: string): Tool | undefined {
    return this.#byName.get(name);
  }

  /**
   * Returns the result of `tools/list` for this principal as JSON text. A handler whose static policy refuses the principal is
   * not listed.
   *
   * @param authorization  The authorization servers from which the caller can get more scopes.
   */
  listFor(principal: Principal, authorization?: Listing): string {
    let seen = "";
    for (const { operation } of this.#tools)
      seen += (authorization?.isListed(operation, principal) ?? isVisibleTo(operation, principal)) ? "1" : "0";
    const known = this.#lists.get(seen);
    if (known !== undefined) return known;
    const list = `{"tools":[${this.#tools.flatMap(({ json }, at) => (seen[at] === "1" ? json : [])).join(",")}]}`;
    if (this.#lists.size >= keptLists) this.#lists.delete(this.#lists.keys().next().value as string);
    this.#lists.set(seen, list);
    return list;
  }
}
