// Everything that the server offers to MCP clients: tools, resources, prompts and completion.

import type { Catalog } from "../../core/plugin-api.ts";
import { Completion } from "./completion.ts";
import { Prompts } from "./prompts.ts";
import { Resources } from "./resources.ts";
import { Toolbox, type ToolboxParts } from "./tools.ts";

export interface Offers {
  readonly completion: Completion;
  readonly toolbox: Toolbox;
  readonly resources: Resources;
  readonly prompts: Prompts;
}

export const offersIn = (catalog: Catalog, parts: ToolboxParts): Offers => {
  const resources = new Resources(catalog);
  const prompts = new Prompts(catalog);
  return { toolbox: new Toolbox(catalog, parts), resources, prompts, completion: new Completion(catalog, resources, prompts) };
};

/** Returns what the server announces. All lists are fixed at boot, so the server announces no changes of lists. */
export const capabilitiesOf = ({ resources, prompts, completion }: Offers) => ({
  tools: {},
  ...(resources.isEmpty ? {} : { resources: {} }),
  ...(prompts.isEmpty ? {} : { prompts: {} }),
  ...(completion.isEmpty ? {} : { completions: {} }),
});
