// Everything that the server offers to MCP clients: tools, resources and prompts.

import type { Catalog } from "../../core/plugin-api.ts";
import { Prompts } from "./prompts.ts";
import { Resources } from "./resources.ts";
import { Toolbox, type ToolboxParts } from "./tools.ts";

export interface Offers {
  readonly toolbox: Toolbox;
  readonly resources: Resources;
  readonly prompts: Prompts;
}

export const offersIn = (catalog: Catalog, parts: ToolboxParts): Offers => ({
  toolbox: new Toolbox(catalog, parts),
  resources: new Resources(catalog),
  prompts: new Prompts(catalog),
});

/** Returns what the server announces. All lists are fixed at boot, so the server announces no changes of lists. */
export const capabilitiesOf = ({ resources, prompts }: Offers) => ({
  tools: {},
  ...(resources.isEmpty ? {} : { resources: {} }),
  ...(prompts.isEmpty ? {} : { prompts: {} }),
});
