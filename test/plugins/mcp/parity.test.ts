import { mcp, mcpRef, stdioProbe } from "quater/mcp";
import { parityOf } from "../../parity-table.ts";

parityOf({
  keys: ["mcp"],
  plugins: (authenticate) => [mcp({ authenticate })],
  probes: ({ services, catalog }) => ({ "mcp over stdio": stdioProbe(services.get(mcpRef), catalog) }),
});
