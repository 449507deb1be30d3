// The cli surface, which exposes handlers as actions of the `quater` program. Every manifest that imports `quater/plugins`
// imports this file, so this file imports no large module.

import { Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { definePlugin, exposureKey } from "../../core/plugin-api.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import { acceptedRef, httpRef } from "../offered.ts";
import { bothCallers } from "./serving/both-callers.ts";
import { remoteOption, remoteProblems } from "./serving/option.ts";

declare module "quater" {
  interface Exposure {
    /** Whether the handler can be called with `quater run <name>`. */
    readonly cli?: boolean;
  }
}

const cliOptions = {
  /** Authenticates callers, with the token in `QUATER_TOKEN`. Required once a handler is exposed over cli. */
  authenticate: Type.Optional(anAuthentication),
  /**
   * Serves `quater ... --remote NAME` over http(), with an authenticator of its own. Callers also need the scopes `remote:run`,
   * `remote:audit`, `remote:approvals`, `remote:explain` and `remote:exposure`. Without this option there are no remote callers.
   */
  remote: Type.Optional(remoteOption),
  /** Accepts findings of `quater check`: the reason for each accepted finding, by its code. */
  accept: withDefault(Type.Record(Type.String(), Type.String()), {}),
};

const cliKey = exposureKey("cli", Type.Boolean());

/** Exposes handlers as actions that operators and their scripts can run. */
export const cli = definePlugin(cliOptions, ({ authenticate, remote, accept }) => ({
  name: "cli",
  wants: [httpRef],
  exposure: [cliKey],
  surface: {
    name: "cli",
    exposes: "CLI actions",
    authenticate: remote === undefined ? authenticate : bothCallers(authenticate, remote.authenticate),
  },
  provides: [acceptedRef],
  check: async () => {
    const accepting = Object.keys(accept).length === 0 ? undefined : await import("./checks/accepting.ts");
    return [...remoteProblems(remote), ...(accepting?.acceptProblems(accept) ?? [])];
  },
  setup: async (context) => {
    const { gate, catalog, services } = context;
    services.provide(acceptedRef, accept);
    if (remote !== undefined) await (await import("./serving/mount.ts")).mountRemote(remote, context);
    return { probe: async (call) => (await import("./program/probe.ts")).cliProbe({ gate, catalog })(call) };
  },
}));
