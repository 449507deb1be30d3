// The catalog for apps with many tools. Instead of all tools, the tool list contains the tools `search` and `call`. `search`
// finds tools that the caller may call, and `call` calls one of these tools. A tool that a client calls with `call` runs exactly
// like a tool that a client calls by its name.

import { inputInvalid } from "../../../core/diagnostics/errors.ts";
import type { Principal, QuaterError } from "../../../core/index.ts";
import { type FieldError, isVisibleTo } from "../../../core/plugin-api.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import { callName, searchName } from "../offers/exposure.ts";
import type { Listing } from "../offers/lists.ts";
import { type Annotations, annotationsOf, type Tool, type Toolbox } from "../offers/tools.ts";
import type { Answer, Results } from "../protocol/answers.ts";
import type { Request } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";
import { failureResult } from "./outcome.ts";

const usualCount = 10;
const mostCount = 50;
const longestQuery = 500;
/**
 * The most words of a query that `search` uses. `search` compares each word with all words of all tools, which blocks other
 * requests.
 */
const mostWords = 20;

const searchTool = {
  name: searchName,
  description:
    "Find the tools of this server. Returns the tools that match the words of the query best, with their descriptions and input " +
    `schemas. Then run one of these tools with the tool "${callName}".`,
  inputSchema: {
    type: "object",
    properties: {
      query: {
        type: "string",
        description: `Words that describe the task. The first ${mostWords} words count. An empty text matches all tools.`,
        maxLength: longestQuery,
      },
      limit: { type: "integer", description: `The most tools to return. Default ${usualCount}.`, minimum: 1, maximum: mostCount },
    },
    required: ["query"],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
};

const callTool = {
  name: callName,
  description: `Run a tool that the tool "${searchName}" found. The arguments must match the input schema of that tool.`,
  inputSchema: {
    type: "object",
    properties: {
      name: { type: "string", description: "The name of the tool." },
      arguments: { type: "object", description: "The arguments of the tool.", properties: {}, additionalProperties: true },
    },
    required: ["name"],
    additionalProperties: false,
  },
};

interface Indexed {
  readonly tool: Tool;
  /** The entry of the tool in the tool list, without the output schema. */
  readonly shown: object;
  /** The words that describe the tool, each with its weight. */
  readonly words: ReadonlyMap<string, number>;
}

export class CatalogSearch {
  readonly #tools: readonly Indexed[];
  readonly #results: Results;

  constructor(toolbox: Toolbox, results: Results) {
    this.#results = results;
    this.#tools = toolbox.tools.map(indexed);
  }

  /** Returns the result of the request `tools/list` as JSON text. */
  list(principal: Principal, listing?: Listing): string {
    const annotations = worst(this.#seenBy(principal, listing).map(({ tool }) => annotationsOf(tool.operation)));
    return JSON.stringify({ tools: [searchTool, { ...callTool, annotations }] });
  }

  /**
   * Returns the answer to a call of the tool `search`, or to a call of the tool `call` that does not name a tool. Returns
   * `undefined` for all other tool calls.
   */
  answer({ id, params, argumentsRefused }: Request, { principal, authorization, callId, era }: Caller): Answer | undefined {
    const { name, arguments: given = {} } = params;
    const errors = name === searchName ? searchErrors(given) : name === callName ? callErrors(given) : undefined;
    if (errors === undefined) return undefined;
    const error: QuaterError | undefined =
      errors.length > 0 ? inputInvalid(errors) : name === searchName ? argumentsRefused : undefined;
    if (error !== undefined) return { body: this.#results.result(era, id, failureResult(error, callId)) };
    if (name === callName) return undefined;
    const { query, limit = usualCount } = given as { readonly query: string; readonly limit?: number };
    const found = this.#find(query, this.#seenBy(principal, authorization));
    const text = JSON.stringify({ tools: found.slice(0, limit).map(({ shown }) => shown), found: found.length });
    return {
      body: this.#results.result(
        era,
        id,
        JSON.stringify({ _meta: { "quater/callId": callId }, content: [{ type: "text", text }] }),
      ),
    };
  }

  /**
   * If a request calls the tool `call`, returns a request that calls the tool named in the arguments. Returns other requests
   * unchanged.
   */
  unwrapped(request: Request): Request {
    const { name, arguments: given } = request.params;
    if (name !== callName || !isPlainObject(given)) return request;
    const { name: named, arguments: values = {} } = given;
    return { ...request, params: { ...request.params, name: named, arguments: values }, isThroughCatalog: true };
  }

  #seenBy(principal: Principal, listing: Listing | undefined): readonly Indexed[] {
    return this.#tools.filter(
      ({ tool: { operation } }) => listing?.isListed(operation, principal) ?? isVisibleTo(operation, principal),
    );
  }

  /** Returns the tools that have at least one word of the query, the best match first. */
  #find(query: string, tools: readonly Indexed[]): readonly Indexed[] {
    const wanted = [...new Set(wordsOf(query))].slice(0, mostWords);
    if (wanted.length === 0) return tools;
    return tools
      .map((each) => ({ each, score: wanted.reduce((sum, word) => sum + scoreOf(word, each.words), 0) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .map(({ each }) => each);
  }
}

const searchErrors = (given: unknown): readonly FieldError[] => {
  if (!isPlainObject(given)) return [mustBeObject];
  const { query, limit = usualCount, ...others } = given;
  const isLimit = Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= mostCount;
  return [
    ...(typeof query === "string" && query.length <= longestQuery
      ? []
      : [{ path: "/query", message: `must be a text of at most ${longestQuery} characters` }]),
    ...(isLimit ? [] : [{ path: "/limit", message: `must be an integer from 1 to ${mostCount}` }]),
    ...unknownIn(others),
  ];
};

const callErrors = (given: unknown): readonly FieldError[] => {
  if (!isPlainObject(given)) return [mustBeObject];
  const { name, arguments: _, ...others } = given;
  return [...(typeof name === "string" ? [] : [{ path: "/name", message: "must be the name of a tool" }]), ...unknownIn(others)];
};

const mustBeObject: FieldError = { path: "", message: "must be an object" };
const unknownIn = (others: object): readonly FieldError[] =>
  Object.keys(others).length === 0 ? [] : [{ path: "", message: "has an unknown field" }];

const indexed = (tool: Tool): Indexed => {
  const { outputSchema, ...shown } = JSON.parse(tool.json) as Record<string, unknown>;
  const { name, title = "", description, inputSchema } = shown;
  const fields = Object.entries(
    (inputSchema as { readonly properties?: Record<string, { readonly description?: string }> }).properties ?? {},
  );
  const words = new Map<string, number>();
  const add = (text: string, weight: number) => {
    for (const word of wordsOf(text)) words.set(word, Math.max(weight, words.get(word) ?? 0));
  };
  for (const [field, schema] of fields) add(`${field} ${schema.description ?? ""}`, 1);
  add(String(description), 2);
  add(String(title), 4);
  add(String(name), 5);
  return { tool, shown, words };
};

/** Returns the words of a text in lower case. `refundOrder` has the words "refund" and "order". */
const wordsOf = (text: string): readonly string[] =>
  text
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

/** The length of the shortest word that also matches longer words with the same beginning: "order" matches "orders". */
const shortestStem = 3;

const scoreOf = (wanted: string, words: ReadonlyMap<string, number>): number => {
  const exact = words.get(wanted);
  if (exact !== undefined) return 2 * exact;
  let best = 0;
  for (const [word, weight] of words) {
    const [short, long] = word.length < wanted.length ? [word, wanted] : [wanted, word];
    if (short.length >= shortestStem && weight > best && long.startsWith(short)) best = weight;
  }
  return best;
};

/** Returns the annotations of the tool `call`, which may do everything that the given tools do. */
const worst = (all: readonly Annotations[]): Annotations => ({
  readOnlyHint: all.every(({ readOnlyHint }) => readOnlyHint),
  destructiveHint: all.some(({ destructiveHint }) => destructiveHint),
  idempotentHint: all.every(({ idempotentHint }) => idempotentHint),
  // Without `openWorldHint`, clients assume that a tool uses other systems.
  ...(all.every(({ openWorldHint }) => openWorldHint === false) ? { openWorldHint: false } : {}),
});
