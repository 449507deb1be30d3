// Describes handlers as tools. Quater makes the descriptions at boot, in the manifest's order. Each principal gets a list of the
// tools that the principal may call.

import type { BootProblem } from "../../../core/diagnostics/problem.ts";
import type { KeyProblem } from "../../../core/plugin/exposure-key.ts";
import type { Catalog, Operation } from "../../../core/plugin-api.ts";
import { contentKindsOf } from "../../../core/schema/content.ts";
import { fileAnswerRulesOf, textTypeOf } from "../../../core/schema/file-answer.ts";
import type { Approvals } from "../../offered.ts";
import { portabilityProblems } from "../portable/problems.ts";
import { isTool, type McpExposure, mcpKey, shownIn } from "./exposure.ts";
import { type Entry, List } from "./lists.ts";
import { inputSchemaFor, outputSchemaFor, type SchemaChoice, type Wrapping } from "./schema.ts";

export type { Listing } from "./lists.ts";

export interface Tool extends Entry {
  /**
   * How Quater wraps values for `structuredContent`; `undefined` for a tool without an output schema, because the results of such
   * a tool contain only text.
   */
  readonly wrapping: Wrapping | undefined;
}

/** Whether the results of a tool have structured content besides the content blocks. */
export const isStructured = ({ output, isStream }: Operation): boolean =>
  output !== undefined &&
  (isStream ||
    (fileAnswerRulesOf(output) === undefined &&
      textTypeOf(output) === undefined &&
      contentKindsOf(output)?.includes("resource") !== true));

/** Returns a boot problem for each part of a tool that some model providers refuse. */
export const portabilityOf = ({ operations }: Catalog): readonly BootProblem[] =>
  operations.flatMap((operation) => {
    const exposure = mcpKey.of(operation);
    if (exposure === undefined || !isTool(exposure)) return [];
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
 * Returns the annotations of a tool (MCP 2025-11-25, `ToolAnnotations`). Quater derives the annotations from the effect of the
 * handler, so that the annotations cannot contradict the effect. `destructiveHint` and `idempotentHint` mean nothing for reads,
 * but reads also have these two annotations, because some hosts ignore `readOnlyHint`.
 */
export const annotationsOf = (operation: Operation): Annotations => {
  const { handler } = operation;
  const openWorld = mcpKey.of(operation)?.openWorld;
  return {
    readOnlyHint: handler.effect === "read",
    destructiveHint: handler.effect === "destructive",
    idempotentHint: handler.idempotent ?? handler.effect === "read",
    ...(openWorld === undefined ? {} : { openWorldHint: openWorld }),
  };
};

/** Data about the effect of a tool, by which clients decide whether to ask their user (MCP 2025-11-25, `ToolAnnotations`). */
export interface Annotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint?: boolean;
}

/** The last sentence in the description of a tool whose calls need approval. */
const approvalSentence = "A person must approve each call of this tool before it runs.";

/** The longest description that OpenAI accepts, characters. */
const longestDescription = 1_024;

const withApproval = (description: string): string =>
  `${description}${/[.!?]$/.test(description) ? "" : "."} ${approvalSentence}`;

/**
 * The data about approvals that clients see before a call of a tool. `policy` is absent if another plugin than approval requires
 * the approval.
 */
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

const toolOf = (operation: Operation, exposure: McpExposure, { schemas: choice, approvals }: ToolboxParts): Tool => {
  const { description } = operation.handler;
  const approval = approvalFactsOf(operation, approvals);
  const output =
    operation.output !== undefined && isStructured(operation)
      ? outputSchemaFor(operation.output, operation.isStream, choice)
      : undefined;
  const descriptor = {
    name: operation.name,
    ...shownIn(exposure),
    description: approval === undefined ? description : withApproval(description),
    inputSchema: inputSchemaFor(operation.input, choice),
    ...(output === undefined ? {} : { outputSchema: output.schema }),
    annotations: annotationsOf(operation),
    ...(approval === undefined ? {} : { _meta: { "quater/approval": approval } }),
  };
  return { operation, wrapping: output?.wrapping, json: JSON.stringify(descriptor) };
};

export interface ToolboxParts {
  readonly schemas: SchemaChoice;
  readonly approvals?: Pick<Approvals, "requirementOf"> | undefined;
}

export class Toolbox {
  readonly #tools: readonly Tool[];
  readonly #byName: ReadonlyMap<string, Tool>;
  /** The names of handlers that Quater offers only as resources or prompts. */
  readonly #apart: ReadonlySet<string>;
  readonly list: List;

  constructor(catalog: Catalog, parts: ToolboxParts) {
    this.#tools = catalog.operations.flatMap((operation) => {
      const exposure = mcpKey.of(operation);
      return exposure === undefined || !isTool(exposure) ? [] : toolOf(operation, exposure, parts);
    });
    this.#byName = new Map(this.#tools.map((tool) => [tool.operation.name, tool]));
    const others = catalog.operations.filter(
      (operation) => mcpKey.of(operation) !== undefined && !this.#byName.has(operation.name),
    );
    this.#apart = new Set(others.map(({ name }) => name));
    this.list = new List("tools", this.#tools);
  }

  /** All tools of the app, in the manifest's order. */
  get tools(): readonly Tool[] {
    return this.#tools;
  }

  find(name: string): Tool | undefined {
    return this.#byName.get(name);
  }

  /**
   * Returns the handler name for a tool name, which Quater passes to the gate. A handler that is only a resource or prompt must
   * not run when a client calls a tool with the name of this handler.
   */
  handlerOf(name: string): string {
    return this.#apart.has(name) ? "" : name;
  }
}
