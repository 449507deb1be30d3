// Compares headers of a POST request that repeat arguments of a tool call with these arguments (MCP 2026-07-28, SEP-2243). If the
// schema of an argument has the keyword `x-mcp-header`, clients repeat the argument in the header `Mcp-Param-<name>`, so that
// proxies can route requests by this header.

import { isVisibleTo } from "../../../core/plugin-api.ts";
import type { Tool } from "../offers/tools.ts";
import type { Answer } from "../protocol/answers.ts";
import { mismatchText } from "../protocol/era.ts";
import { decoded } from "../protocol/header-text.ts";
import { errorMessage, type Request, rpcCodes } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";

const keyword = "x-mcp-header";

interface Declaration {
  /** The lower-case name of the header that repeats the argument. */
  readonly header: string;
  /** The path of the argument inside the arguments of the tool call. */
  readonly path: readonly string[];
}

type Schema = Readonly<Record<string, unknown>>;

/** Finds the headers to check in the published input schema of the tool, because clients also read the published input schema. */
const declarationsIn = (schema: Schema, path: readonly string[]): readonly Declaration[] => {
  const own = schema[keyword];
  const properties = Object.entries(Object(schema["properties"]) as Readonly<Record<string, Schema>>);
  return [
    ...(typeof own === "string" ? [{ header: `mcp-param-${own.toLowerCase()}`, path }] : []),
    ...properties.flatMap(([name, property]) => declarationsIn(Object(property) as Schema, [...path, name])),
  ];
};

const known = new WeakMap<Tool, readonly Declaration[]>();

const declarationsOf = (tool: Tool): readonly Declaration[] => {
  const before = known.get(tool);
  if (before !== undefined) return before;
  const isDeclaring = tool.json.includes(`"${keyword}"`);
  const { inputSchema } = isDeclaring ? (JSON.parse(tool.json) as { readonly inputSchema: Schema }) : { inputSchema: {} };
  const found = declarationsIn(inputSchema, []);
  known.set(tool, found);
  return found;
};

const valueAt = (value: unknown, path: readonly string[]): unknown =>
  path.reduce((inner, name) => (Object.hasOwn(Object(inner), name) ? Object(inner)[name] : undefined), value);

/**
 * Returns the refusal of a tool call if a header is missing or differs from its argument. Ignores headers of absent arguments.
 */
export const paramHeaderRefused = (
  { id, isThroughCatalog }: Request,
  tool: Tool | undefined,
  values: unknown,
  { headers, principal }: Caller,
): Answer | undefined => {
  // Clients repeat arguments in headers only for tools of the tool list, and with a catalog the tool list contains `call` instead
  // of the called tool. If the caller has no right to call the tool, the gate refuses the call, so that the answer does not show
  // which arguments the tool has.
  if (headers === undefined || tool === undefined || isThroughCatalog === true || !isVisibleTo(tool.operation, principal))
    return undefined;
  const wrong = declarationsOf(tool).find(({ header, path }) => {
    const value = valueAt(values, path);
    if (!["string", "number", "boolean"].includes(typeof value)) return false;
    const said = headers[header];
    return said === undefined || decoded(String(said)) !== String(value);
  });
  if (wrong === undefined) return undefined;
  return { body: errorMessage(id, rpcCodes.headerMismatch, mismatchText(wrong.header)), status: 400 };
};
