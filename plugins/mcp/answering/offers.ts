// Everything that the server offers to MCP clients: tools, resources, prompts and completion.

import type { Catalog } from "../../../core/plugin-api.ts";
import { Prompts } from "../offers/prompts.ts";
import { Resources } from "../offers/resources.ts";
import { Toolbox, type ToolboxParts } from "../offers/tools.ts";
import type { Results } from "../protocol/answers.ts";
import { CatalogSearch } from "./catalog-search.ts";
import { Completion } from "./completion.ts";

export interface Offers {
  readonly completion: Completion;
  readonly toolbox: Toolbox;
  /** The search for tools; `undefined` if the tool list contains all tools. */
  readonly search: CatalogSearch | undefined;
  readonly resources: Resources;
  readonly prompts: Prompts;
}

export interface OfferParts extends ToolboxParts {
  /** Whether callers get all tools in the tool list (`list`), or search for tools (`search`). */
  readonly catalog: "list" | "search";
  readonly results: Results;
}

export const offersIn = (catalog: Catalog, { catalog: choice, results, ...parts }: OfferParts): Offers => {
  const resources = new Resources(catalog);
  const prompts = new Prompts(catalog);
  const toolbox = new Toolbox(catalog, parts);
  const search = choice === "search" ? new CatalogSearch(toolbox, results) : undefined;
  return { toolbox, search, resources, prompts, completion: new Completion(catalog, resources, prompts, results) };
};

/**
 * Returns the capabilities of the MCP server. The boot fixes all lists of the server, so the server announces no changes of
 * lists.
 *
 * @param subscribe  Whether the client can subscribe to MCP resources.
 */
export const capabilitiesOf = ({ resources, prompts, completion }: Offers, subscribe: boolean) => ({
  tools: {},
  ...(resources.isEmpty ? {} : { resources: subscribe ? { subscribe } : {} }),
  ...(prompts.isEmpty ? {} : { prompts: {} }),
  ...(completion.isEmpty ? {} : { completions: {} }),
});
