import { mcp, mcpRef, stdioProbe } from "quater/mcp";
import { parityOf } from "../../parity-table.ts";

parityOf({
  keys: ["mcp"],
  plugins: (authenticate) => [mcp({ authenticate })],
  probes: ({ kernel }) => ({ "mcp over stdio": stdioProbe(kernel.services.get(mcpRef), kernel.catalog) }),
});
