// The exposure key `mcp` defines how MCP clients can use a handler. This file also finds mistakes in the values of this key.

import type { BootProblem } from "../../../core/diagnostics/problem.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { type Static, Type } from "../../../core/index.ts";
import { coercersOf } from "../../../core/pipeline/bind.ts";
import { exposureKey, type KeyProblem } from "../../../core/plugin/exposure-key.ts";
import type { Catalog, Operation } from "../../../core/plugin-api.ts";
import { hasFile } from "../../../core/schema/file.ts";
import { isMessages } from "../../../core/schema/messages.ts";
import { propertiesOf, requiredOf } from "../../../core/schema/schema.ts";
import { type Icon, iconSchema } from "../protocol/about.ts";
import { isObjectAtRoot } from "./object-root.ts";
import { isUriPattern, uriPatternOf } from "./uri.ts";

/** The options that the exposure of a handler can have in the key `mcp`, instead of `mcp: true`. */
export interface McpExposure {
  /**
   * The title of the handler for people who look at a list of tools. The title must be printable and can have up to 100
   * characters. If the handler has no title, clients show the name of the tool.
   */
  readonly title?: string;
  /**
   * Whether the tool uses systems outside of this app, such as mail or the web (`openWorldHint`). If `openWorld` is not set,
   * clients must assume that the tool uses such systems. Quater never derives `openWorld` from the handler.
   */
  readonly openWorld?: boolean;
  /** The icons that clients may show for the handler. */
  readonly icons?: readonly Icon[];
  /**
   * Also offers a `read` handler as a resource with this URI, or as resources with this URI template: `"order://{orderId}"`. Each
   * variable of the template is a field of the input, and each required field of the input is a variable.
   */
  readonly resource?: string;
  /** Offers a `read` handler as a prompt. The output of the handler must be a text, or `messages`. */
  readonly prompt?: boolean;
  /** Whether Quater offers the handler as a tool. Default: true, or false if `prompt` is true. */
  readonly tool?: boolean;
}

const exposureSchema = Type.Union([
  Type.Boolean(),
  Type.Object(
    {
      title: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
      openWorld: Type.Optional(Type.Boolean()),
      icons: Type.Optional(Type.Array(iconSchema, { maxItems: 10 })),
      resource: Type.Optional(Type.String()),
      prompt: Type.Optional(Type.Boolean()),
      tool: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
]);

export const isTool = ({ tool, prompt }: McpExposure): boolean => tool ?? prompt !== true;

/** Returns the ways in which MCP clients can reach a handler. */
export const waysTo = (operation: Operation, catalog: "list" | "search" = "list"): readonly Way[] => {
  const exposure = mcpKey.of(operation);
  if (exposure === undefined) return [];
  return [
    ...(isTool(exposure) ? (["tool"] as const) : []),
    ...(exposure.resource === undefined ? [] : (["resource"] as const)),
    ...(exposure.prompt === true ? (["prompt"] as const) : []),
    ...(isTool(exposure) && catalog === "search" ? (["call"] as const) : []),
  ];
};

/** A way in which MCP clients reach a handler. With `catalog: "search"`, clients reach tools through the tool `call`. */
export type Way = "tool" | "resource" | "prompt" | "call";

/** The form of a tool's name (MCP 2025-11-25, server/tools, "Tool Names"). */
const toolName = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Returns the reasons why Quater cannot offer a handler to MCP clients. SDK clients refuse a whole tool list that contains one
 * malformed tool, so one such tool would make all tools unusable.
 */
const exposureProblems = (given: McpExposure | undefined, operation: Operation): KeyProblem[] => {
  if (given === undefined) return [];
  const { name } = operation;
  const found: KeyProblem[] = [];
  if (!toolName.test(name)) {
    found.push({
      cause: `The handler name ${name} is not a valid name for an MCP tool`,
      remedy: 'Choose another name for the handler with name: "..." in the exposure',
    });
  }
  const { title, resource, prompt } = given;
  if (isTool(given)) found.push(...toolProblems(operation));
  else if (resource === undefined && prompt !== true) {
    found.push({
      cause: `The exposure of ${name} has mcp with tool: false, but the handler is neither a resource nor a prompt, so no MCP client can use it`,
      remedy: 'Add resource: "..." or prompt: true to mcp in the exposure, or remove mcp from the exposure',
    });
  }
  if (title !== undefined && visible(title) !== title) {
    found.push({
      cause: `The exposure of ${name} has an mcp title with control or invisible characters`,
      remedy: "Write the title as one line of printable text",
    });
  }
  if (resource !== undefined) found.push(...resourceProblems(resource, operation));
  if (prompt === true) found.push(...promptProblems(operation));
  return found;
};

const toolProblems = ({ name, input }: Operation): KeyProblem[] => {
  const found: KeyProblem[] = [];
  if (!isObjectAtRoot(input)) {
    found.push({
      cause: `The handler ${name} cannot be an MCP tool: its input schema is not an object, and MCP requires an object`,
      remedy: "Wrap the input schema: Type.Object({ ... })",
    });
  }
  if (hasFile(input)) {
    found.push({
      cause: `The handler ${name} cannot be an MCP tool: it takes a file, and arguments of MCP tools are JSON`,
      remedy: "Remove mcp from the exposure, or change the input to the id of a file that a caller uploads over HTTP",
    });
  }
  return found;
};

/** Returns the reasons why a handler cannot be a resource or a prompt, which clients read without asking their user. */
const readProblems = ({ name, handler, needsApproval, isStream }: Operation, what: string): KeyProblem[] => {
  const cause = (why: string) => `The handler ${name} cannot be an MCP ${what}: ${why}`;
  const remedy = `Remove ${what} from mcp, so that ${name} is only a tool`;
  const found: KeyProblem[] = [];
  if (handler.effect !== "read")
    found.push({ cause: cause(`its effect is ${handler.effect}, and clients read a ${what} without asking anybody`), remedy });
  if (needsApproval)
    found.push({
      cause: cause("its calls need approval, and the protocol lets only callers of tools wait for an approval"),
      remedy: `${remedy}, or remove the approval from the exposure`,
    });
  if (isStream) found.push({ cause: cause("its output is a stream"), remedy });
  return found;
};

const resourceProblems = (text: string, operation: Operation): KeyProblem[] => {
  const { name, input } = operation;
  const found = readProblems(operation, "resource");
  const pattern = uriPatternOf(text);
  if (!isUriPattern(pattern))
    return [...found, { ...pattern, cause: `The exposure of ${name} has an mcp resource that is not valid: ${pattern.cause}` }];
  const fields = propertiesOf(input);
  const coercers = coercersOf(input);
  for (const variable of pattern.variables) {
    const coercer = coercers.get(variable);
    if (!Object.hasOwn(fields, variable))
      found.push({
        cause: `The exposure of ${name} has the mcp resource ${text}, but the input has no field ${variable}`,
        remedy: `Write the name of an input field in braces: ${Object.keys(fields).join(", ") || "the input has no field, so write a URI without variables"}`,
      });
    else if (coercer?.takesText !== true || coercer.takesList)
      found.push({
        cause: `The exposure of ${name} has the mcp resource ${text}, but the field ${variable} is not a text, a number or a boolean`,
        remedy: "Remove resource from mcp, or change the schema of the field",
      });
  }
  for (const field of required(operation))
    if (!pattern.variables.includes(field))
      found.push({
        cause: `The exposure of ${name} has the mcp resource ${text}, which has no variable for the required field ${field}`,
        remedy: `Add {${field}} to the template, or make the field optional`,
      });
  return found;
};

const promptProblems = (operation: Operation): KeyProblem[] => {
  const { name, input, output } = operation;
  const found = readProblems(operation, "prompt");
  if (!isMessages(output) && output?.["type"] !== "string")
    found.push({
      cause: `The handler ${name} cannot be an MCP prompt: its output is neither a text nor messages`,
      remedy: "Write output: Type.String() or output: messages in the handler",
    });
  for (const [field, { takesText }] of coercersOf(input))
    if (!takesText)
      found.push({
        cause: `The handler ${name} cannot be an MCP prompt: its field ${field} cannot be written as a text, and arguments of prompts are texts`,
        remedy: "Change the schema of the field to a text, a number, a boolean or a list of them",
      });
  return found;
};

/** Returns the input fields that a caller must send. Binding sets the value of an absent field with a default. */
export const required = ({ input }: Operation): readonly string[] => {
  const fields = propertiesOf(input);
  return requiredOf(input).filter((name) => !("default" in (fields[name] ?? {})));
};

/** Returns the MCP options of a handler that is exposed over MCP; `undefined` if the handler is not exposed over MCP. */
const given = (value: Static<typeof exposureSchema>): McpExposure | undefined =>
  typeof value === "object" ? (value as McpExposure) : value ? {} : undefined;

export const mcpKey = exposureKey("mcp", exposureSchema, {
  check: (value, operation) => exposureProblems(given(value), operation),
  resolve: given,
});

/** Returns the fields of a list entry that clients show to people. */
export const shownIn = ({ title, icons }: McpExposure) => ({
  ...(title === undefined ? {} : { title }),
  ...(icons === undefined ? {} : { icons }),
});

/** The names of the tools in the tool list with `catalog: "search"`. */
export const searchName = "search";
export const callName = "call";

/** Returns a boot problem for each handler that is a tool with the name `search` or `call`. */
export const nameClashes = ({ operations }: Catalog): readonly BootProblem[] =>
  operations.flatMap((operation): readonly BootProblem[] => {
    const { name, place } = operation;
    const exposure = mcpKey.of(operation);
    if (exposure === undefined || !isTool(exposure) || (name !== searchName && name !== callName)) return [];
    const cause = `mcp() has catalog: "search", so ${name} is a tool of Quater, but the handler ${name} is an MCP tool with the same name`;
    return [{ place, cause, remedy: 'Choose another name for the handler with name: "..." in the exposure' }];
  });
