// Makes the copy of the manifest that the gate suite runs. The copy keeps all checks of the real manifest. In the copy, stand-ins
// replace the handlers. A stand-in reports its start and returns a sample of the handler's output. The gate suite's own table of
// tokens replaces the real credentials. Plugins run in run mode `test`, so the gate suite opens no port, store or file of the
// real project.

import { isBranded } from "../../core/diagnostics/brand.ts";

import { authenticator, defineConfig, expose, type Handler, type Manifest, type Principal, resource } from "../../core/index.ts";
import type { Uses } from "../../core/model/resource.ts";
import {
  type Authenticator,
  type ConfiguredPlugin,
  definePlugin,
  type Exposed,
  type Hooks,
  type TestRun,
} from "../../core/plugin-api.ts";
import { isPlainObject } from "../../core/schema/schema.ts";
import { samplerOf } from "../../core/testing/sample.ts";
import { testRunOf } from "../../core/testing/test-run.ts";
import type { Interlude } from "./interlude.ts";
import type { PolicyReads } from "./policy-reads.ts";
import { overtaking, StartingLine } from "./race.ts";

/** Each stand-in of a handler calls this function when the stand-in starts. */
export type Started = (handler: string) => void;
/** The stand-in of a resource calls this function when a policy or handler reads the resource. */
export type Missed = (resource: string) => void;

export interface CopyChoice extends TestRun {
  readonly started: Started;
  readonly missed: Missed;
  /** Returns the number of handlers that have started since the copy of the manifest booted. */
  readonly starts: () => number;
  /** The gate suite's own plugin calls this function when the plugin refuses a call. */
  readonly refused: () => void;
  /** Records the inputs and resources that policy functions read. */
  readonly policies: PolicyReads;
  readonly interlude: Interlude;
  /** Returns the authenticator of a surface. `undefined`: the surfaces keep their own authenticators. */
  readonly doorOf: ((surface: string) => Authenticator) | undefined;
  /** Whether to run the handlers, previews and resources of the manifest itself. */
  readonly isReal: boolean;
  /** Whether to open the resources of the manifest itself, for policies that read these resources. */
  readonly opensResources: boolean;
}

export const copyOf = (manifest: Manifest, choice: CopyChoice): Manifest =>
  defineConfig({
    ...manifest,
    handlers: manifest.handlers.map((exposed) => (isBranded(exposed, "exposed") ? exposedCopy(exposed, choice) : exposed)),
    // The gate suite's own plugin is the first plugin of the copy, so that racing calls wait for each other before one of them
    // gets a lock.
    plugins: [attendant(choice), ...manifest.plugins.map((plugin) => pluginCopy(testRunOf(plugin, choice), choice))],
  });

const exposedCopy = ({ load, table }: Exposed, choice: CopyChoice): Exposed =>
  expose(async () => {
    const exported = Object.entries((await load()) as Record<string, unknown>);
    const copies = exported.map(([name, value]) => [
      name,
      isBranded(value, "handler") ? handlerCopy(name, value as Handler, choice) : value,
    ]);
    return Object.fromEntries(copies) as Record<string, never>;
  }, table as never) as Exposed;

const handlerCopy = (name: string, original: Handler, choice: CopyChoice): Handler => {
  const { started, starts, missed, policies, isReal, opensResources } = choice;
  const standInsOf = (use: Uses | undefined): Uses | undefined =>
    use && Object.fromEntries(Object.keys(use).map((used) => [used, untouchable(used, missed)]));
  const keep = (use: Uses | undefined) => use;
  const auth = policies.watched(name, original, isReal || opensResources ? keep : standInsOf);
  const given = { ...original, auth };
  if (isReal) {
    const handle = (input: never, context: never): unknown => {
      started(name);
      return given.handle(input, context);
    };
    return Object.freeze({ ...given, handle });
  }
  const handle = (): unknown => {
    started(name);
    return isStreamed(given.output) ? itemsOf(given.output.item) : sampleOf(given.output);
  };
  const preview = given.preview === undefined ? {} : { preview: standInPreview(starts) };
  return Object.freeze({ ...given, ...preview, ...(opensResources ? {} : { use: standInsOf(given.use) ?? {} }), handle });
};

/**
 * Returns a preview that is the same for each call. Only callers with the claim `overtaking` get a preview that becomes stale.
 */
const standInPreview =
  (starts: () => number) =>
  (_: unknown, { principal }: { readonly principal: Principal }): unknown =>
    principal.claims["gateSuite"] === overtaking.gateSuite ? { starts: starts() } : "a stand-in of the gate suite";

const isStreamed = (output: Handler["output"]): output is Extract<Handler["output"], { kind: "stream" }> =>
  isPlainObject(output) && output["kind"] === "stream";

/**
 * Returns a value that matches the output schema of a handler. The gate suite checks whether a call runs, and does not check
 * outputs.
 */
const sampleOf = async (schema: unknown): Promise<unknown> => {
  if (!isPlainObject(schema)) return null;
  try {
    return (await samplerOf(schema)).sample();
  } catch {
    return null;
  }
};

async function* itemsOf(item: unknown): AsyncGenerator {
  yield await sampleOf(item);
}

/**
 * Makes a stand-in of a resource. The stand-in opens nothing. The stand-in reports each read by a policy, because the verdict of
 * a policy that reads the stand-in means nothing.
 */
const untouchable = (name: string, missed: Missed) => {
  const miss = (): never => {
    missed(name);
    throw new Error(`The gate suite opens no resources, so a stand-in replaces the resource ${name}`);
  };
  // The property `then` must be undefined, so that Quater can await the stand-in. The stand-in is a function, because a database
  // client is often a function.
  const get = (_: unknown, property: string | symbol) => (property === "then" ? undefined : miss());
  const standIn = new Proxy(() => {}, { get, apply: miss, construct: miss, has: miss, ownKeys: miss });
  return resource({ name, scope: "call", open: () => standIn });
};

/** Returns the plugin with another authenticator for its surface. All other parts of the surface stay the same. */
const pluginCopy = (plugin: ConfiguredPlugin, { doorOf }: CopyChoice): ConfiguredPlugin => {
  const surface = isBranded(plugin, "plugin") ? plugin.surface : undefined;
  if (surface?.authenticate === undefined || doorOf === undefined) return plugin;
  return { ...plugin, surface: { ...surface, authenticate: doorOf(surface.name) } };
};

/** The claim of principals whom the gate suite's own plugin refuses. */
export const refusedByPlugin = { gateSuite: "refused" };

/**
 * Makes the gate suite's own plugin. This plugin refuses callers with the claim `refusedByPlugin`, so that the gate suite can
 * check that the gate obeys the refusal of a plugin. The gate suite needs its own plugin, because the plugins of the manifest
 * possibly refuse no caller. The gate suite's plugin also makes racing calls wait for each other.
 */
const attendant = ({ interlude, refused }: CopyChoice): ConfiguredPlugin => {
  const { hold } = new StartingLine();
  const authorize: Hooks["authorize"] = ({ principal }) => {
    const isAllowed = principal.claims["gateSuite"] !== refusedByPlugin.gateSuite;
    if (!isAllowed) refused();
    return interlude.play()?.then(() => isAllowed) ?? isAllowed;
  };
  return definePlugin(() => ({
    name: "gate-suite",
    hooks: (operation) => (operation?.needsApproval === true ? { authorize, hold } : { authorize }),
  }))();
};

/** The table of the gate suite's tokens and principals for all surfaces. Each token is valid on one surface. */
export class Tokens {
  #granted = 0;
  readonly #table = new Map<string, { readonly surface: string; readonly principal: Principal }>();

  grant(surface: string, principal: Principal): string {
    const token = `gate-suite-${++this.#granted}`;
    this.#table.set(token, { surface, principal });
    return token;
  }

  revoke(token: string): void {
    this.#table.delete(token);
  }

  readonly doorOf = (surface: string): Authenticator =>
    authenticator({
      name: "gateSuite",
      reads: { schemes: ["Bearer"] },
      authenticate: ({ token }) => {
        const known = this.#table.get(token ?? "");
        return known?.surface === surface ? known.principal : undefined;
      },
    });
}
