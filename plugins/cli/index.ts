// The plugin cli, which exposes handlers as actions of the `quater` program. Every manifest that imports `quater/plugins` imports
// this file, so this file imports no large module.

import { Type } from "../../core/index.ts";
import { anAuthentication } from "../../core/model/authentication.ts";
import { definePlugin, exposureKey } from "../../core/plugin-api.ts";
import { withDefault } from "../../core/schema/with-default.ts";
import { acceptedRef, httpRef } from "../offered.ts";
import { bothCallers } from "./serving/both-callers.ts";
import { remoteOption, remoteProblems } from "./serving/option.ts";

declare module "quater" {
  interface Exposure {
    /** Whether callers can run the handler with `quater run <name>`. */
    readonly cli?: boolean;
  }
}

const cliOptions = {
  /** Authenticates callers by the token in `QUATER_TOKEN`. The manifest needs this option if it exposes a handler over cli. */
  authenticate: Type.Optional(anAuthentication),
  /**
   * Serves `quater ... --remote NAME` over http(), with a separate authenticator. Remote callers also need the scopes
   * `remote:run`, `remote:audit`, `remote:approvals`, `remote:explain` and `remote:exposure`. Without the option `remote`, there
   * are no remote callers.
   */
  remote: Type.Optional(remoteOption),
  /** Accepts findings of `quater check`. The option contains the reason for each accepted finding, by the code of the finding. */
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
