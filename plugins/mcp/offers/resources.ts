// Offers handlers as MCP resources. A handler whose exposure has a URI is a resource, and a handler whose exposure has a URI
// template is a resource template. When a client reads a resource, Quater calls the handler with the values of the template's
// variables.

import type { BootProblem } from "../../../core/diagnostics/problem.ts";
import type { Catalog, Operation } from "../../../core/plugin-api.ts";
import { fileAnswerRulesOf, textTypeOf } from "../../../core/schema/file-answer.ts";
import { mcpKey, shownIn } from "./exposure.ts";
import { type Entry, List } from "./lists.ts";
import { isUriPattern, type UriPattern, uriPatternOf } from "./uri.ts";

export interface OfferedResource extends Entry {
  readonly pattern: UriPattern;
  /** The media type of the resource's content; `undefined` if the handler's output is a file of one of several media types. */
  readonly mimeType: string | undefined;
}

/** The MCP resource that a request names by a URI, with the values of the variables in the URI. */
export interface FoundResource extends OfferedResource {
  readonly values: Readonly<Record<string, string>>;
}

const mimeTypeOf = ({ output }: Operation): string | undefined => {
  const files = fileAnswerRulesOf(output);
  if (files !== undefined) {
    const [only] = files.mediaTypes;
    return files.mediaTypes.length === 1 && only?.endsWith("/*") === false ? only : undefined;
  }
  return textTypeOf(output) ?? (output?.["type"] === "string" ? "text/plain" : "application/json");
};

const offeredIn = ({ operations }: Catalog): readonly OfferedResource[] =>
  operations.flatMap((operation) => {
    const exposure = mcpKey.of(operation);
    if (exposure?.resource === undefined) return [];
    const pattern = uriPatternOf(exposure.resource);
    if (!isUriPattern(pattern)) return [];
    const mimeType = mimeTypeOf(operation);
    const descriptor = {
      [pattern.variables.length === 0 ? "uri" : "uriTemplate"]: pattern.text,
      name: operation.name,
      ...shownIn(exposure),
      description: operation.handler.description,
      ...(mimeType === undefined ? {} : { mimeType }),
    };
    return [{ operation, pattern, mimeType, json: JSON.stringify(descriptor) }];
  });

/**
 * Returns a boot problem for each handler whose URI or template matches the same URIs as the URI or template of an earlier
 * handler.
 */
export const resourceClashes = (catalog: Catalog): readonly BootProblem[] => {
  const first = new Map<string, Operation>();
  return offeredIn(catalog).flatMap(({ operation, pattern }): readonly BootProblem[] => {
    const known = first.get(pattern.shape);
    if (known === undefined) first.set(pattern.shape, operation);
    if (known === undefined) return [];
    const cause = `The handlers ${known.name} and ${operation.name} are MCP resources with the same URIs: ${pattern.text}`;
    return [{ place: operation.place, cause, remedy: "Change one of the URIs" }];
  });
};

export class Resources {
  readonly #fixed: ReadonlyMap<string, OfferedResource>;
  readonly #templates: readonly OfferedResource[];
  readonly list: List;
  readonly templates: List;

  constructor(catalog: Catalog) {
    const all = offeredIn(catalog);
    const fixed = all.filter(({ pattern }) => pattern.variables.length === 0);
    this.#templates = all.filter(({ pattern }) => pattern.variables.length > 0);
    this.#fixed = new Map(fixed.map((one) => [one.pattern.text, one]));
    this.list = new List("resources", fixed);
    this.templates = new List("resourceTemplates", this.#templates);
  }

  get isEmpty(): boolean {
    return this.#fixed.size === 0 && this.#templates.length === 0;
  }

  /**
   * Finds the resource of a URI. This function tries resources without variables first, and then the templates in the manifest's
   * order.
   */
  find(uri: string): FoundResource | undefined {
    const fixed = this.#fixed.get(uri);
    if (fixed !== undefined) return { ...fixed, values: {} };
    for (const template of this.#templates) {
      const values = template.pattern.match(uri);
      if (values !== undefined) return { ...template, values };
    }
    return undefined;
  }

  /** Finds a resource template by the text of the template. */
  template(text: string): OfferedResource | undefined {
    return this.#templates.find(({ pattern }) => pattern.text === text);
  }
}
