// The server side of `quater exposure --remote NAME` and `quater explain --remote NAME`. A remote explains only the caller's own
// calls.

import { type Static, Type } from "../../../core/index.ts";
import { isApprovalId } from "../../../core/plugin/gate.ts";
import { type Catalog, type PluginContext, unknownHandler } from "../../../core/plugin-api.ts";
import type { RemoteRead } from "../../offered.ts";
import { explanationText } from "../explain/explain-text.ts";
import { exposureOn, exposureText } from "../exposure/exposure.ts";
import { exit } from "../output/exit.ts";
import { isPart } from "./call.ts";
import { malformed } from "./refusing.ts";

const explainInput = Type.Object({
  action: Type.String({ maxLength: 100 }),
  surface: Type.String({ maxLength: 100 }),
  approval: Type.Optional(Type.String({ maxLength: 100 })),
  parts: Type.Array(Type.Unknown(), { maxItems: 8 }),
});

/** Returns each text without a style, because the caller's program prints the text of the report. */
const plain = (_style: string, text: string): string => text;

/** Returns the names of the configured surfaces of Quater, and the names of the other surfaces that expose a handler. */
const surfacesOf = ({ operations }: Catalog, plugins: PluginContext["plugins"]): readonly string[] => {
  const configured = plugins.map(({ name }) => name).filter((name) => ["http", "mcp", "cli"].includes(name));
  return [...new Set([...configured, ...operations.flatMap(({ surfaces }) => [...surfaces])])];
};

export const ownReads = ({ gate, catalog, services, plugins }: PluginContext): readonly RemoteRead[] => [
  {
    command: "exposure",
    right: "exposure",
    input: Type.Object({}),
    run: async (_, io) => {
      const report = exposureOn(surfacesOf(catalog, plugins), { catalog, services });
      if (io.isJson) io.show(report);
      else await io.write(exposureText(report, plain));
      return exit.ok;
    },
  },
  {
    command: "explain",
    right: "explain",
    input: explainInput,
    run: async ({ action, surface, approval, parts }: Static<typeof explainInput>, io, { credentialsOn }) => {
      if (!parts.every(isPart)) throw malformed("The field parts of the input is not valid");
      if (approval !== undefined && !isApprovalId(approval)) throw malformed("The field approval of the input is not valid");
      const operation = catalog.get(action);
      if (operation === undefined || !operation.surfaces.has(surface)) throw unknownHandler(action, surface);
      const explanation = await gate.explain({
        handler: action,
        surface,
        as: { credentials: credentialsOn(surface) },
        given: parts,
        isForCaller: true,
        ...(approval === undefined ? {} : { approvalId: approval }),
      });
      if (io.isJson) io.show(explanation);
      else await io.write(explanationText(explanation, plain));
      return explanation.verdict === "runs" ? exit.ok : exit.unfit;
    },
  },
];
