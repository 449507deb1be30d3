// Some headers repeat arguments. This file compares these headers with the arguments (MCP 2026-07-28, SEP-2243). If the schema of
// an argument has the keyword `x-mcp-header`, clients repeat the argument in the header `Mcp-Param-<name>`, so that proxies can
// route requests by this header.

import type { IncomingHttpHeaders } from "node:http";
import type { Tool } from "../offers/tools.ts";
import { decoded } from "../protocol/header-text.ts";

const keyword = "x-mcp-header";

interface Declaration {
  /** The name of the header, lower-case. */
  readonly header: string;
  /** The path of the argument. */
  readonly path: readonly string[];
}

type Schema = Readonly<Record<string, unknown>>;

/** Reads the headers to check from the published schema, because clients also read the published schema. */
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

/** Returns the header that is missing or differs from its argument. Headers of absent arguments are ignored. */
export const paramHeaderRefused = (tool: Tool, values: unknown, headers: IncomingHttpHeaders): string | undefined =>
  declarationsOf(tool).find(({ header, path }) => {
    const value = valueAt(values, path);
    if (!["string", "number", "boolean"].includes(typeof value)) return false;
    const said = headers[header];
    return said === undefined || decoded(String(said)) !== String(value);
  })?.header;
