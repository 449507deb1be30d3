// The cli surface: handlers as actions of the `quater` program. Imported by every manifest, so nothing heavy stands here.

import { Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { definePlugin, exposureKey } from "../../core/plugin-api.ts";

declare module "quater" {
  interface Exposure {
    /** Callable as `quater run <name>`. */
    readonly cli?: boolean;
  }
}

const cliOptions = {
  /** Who callers are. Needed as soon as a handler is exposed over cli; `QUATER_TOKEN` is the token it is asked about. */
  authenticate: Type.Optional(anAuthentication),
};

const cliKey = exposureKey("cli", Type.Boolean());

/** Actions for operators and their scripts. */
export const cli = definePlugin(cliOptions, ({ authenticate }) => ({
  name: "cli",
  exposure: [cliKey],
  surface: { name: "cli", exposes: "CLI actions", authenticate },
  setup: ({ gate, catalog }) => ({
    probe: async (call) => (await import("./program/probe.ts")).cliProbe({ gate, catalog })(call),
  }),
}));
