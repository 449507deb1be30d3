// The cli surface, which exposes handlers as actions of the `quater` program. Every manifest that imports `quater/plugins`
// imports this file, so this file imports no large module.

import { Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { definePlugin, exposureKey } from "../../core/plugin-api.ts";

declare module "quater" {
  interface Exposure {
    /** Whether the handler can be called with `quater run <name>`. */
    readonly cli?: boolean;
  }
}

const cliOptions = {
  /** Authenticates callers, with the token in `QUATER_TOKEN`. Required once a handler is exposed over cli. */
  authenticate: Type.Optional(anAuthentication),
};

const cliKey = exposureKey("cli", Type.Boolean());

/** Exposes handlers as actions that operators and their scripts can run. */
export const cli = definePlugin(cliOptions, ({ authenticate }) => ({
  name: "cli",
  exposure: [cliKey],
  surface: { name: "cli", exposes: "CLI actions", authenticate },
  setup: ({ gate, catalog }) => ({
    probe: async (call) => (await import("./program/probe.ts")).cliProbe({ gate, catalog })(call),
  }),
}));
