// The entry `quater/testing`, which runs the real kernel in tests, without mocks. Tests call handlers through the gate, and call
// surfaces from outside the app.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKernel, type Kernel } from "../boot/kernel.ts";
import { defineConfig, isManifest, type Manifest } from "../boot/manifest.ts";
import { fieldsOf, type Log } from "../diagnostics/log.ts";
import { anAuthentication } from "../model/authentication.ts";
import { type Authenticator, authenticator } from "../model/authenticator.ts";
import { Cancellation } from "../model/call.ts";
import { type Exposed, expose } from "../model/exposure.ts";
import type { Catalog } from "../model/operation.ts";
import type { Principal } from "../model/principal.ts";
import type { RunMode } from "../model/run-mode.ts";
import { definePlugin } from "../plugin/define-plugin.ts";
import { exposureKey } from "../plugin/exposure-key.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";
import type { Services } from "../plugin/services.ts";
import type { ProbeAnswer, ProbeCall } from "../plugin/surface.ts";
import { Type } from "../schema/typebox.ts";
import { clonedInput } from "./files.ts";
import { keepKernel } from "./kernel-of.ts";
import { testRunOf } from "./test-run.ts";
import type { ExposedAs, ExposureTable, HandlersOf, HandlerTable, TestCaller } from "./typed.ts";

export { expectDenied, expectOk } from "./expect.ts";
export { fileOf } from "./files.ts";
export type { TestCall, TestCaller } from "./typed.ts";

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestOptions {
  /** The run mode of the app that plugins receive. Default "test". */
  readonly mode?: RunMode;
  /** With `false`, `bootTest` does not start the plugins, so no port opens. Default true. */
  readonly start?: boolean;
  /** The project's folder. Plugins resolve relative paths from this folder. Default: the current folder. */
  readonly root?: string;
  /**
   * With `true`, `bootTest` creates a new folder as the root, and removes this folder when the app stops. Plugins write only into
   * this folder, listen on a free port of this computer, and send nothing to other computers.
   */
  readonly isolated?: boolean;
}

export interface TestBoot<Handlers extends HandlerTable = HandlerTable, Table extends ExposureTable = ExposureTable>
  extends TestOptions {
  readonly handlers: Handlers;
  /** The exposures by handler name. Default: all handlers on the surface `direct`, which only tests have. */
  readonly expose?: Table;
  readonly plugins?: readonly ConfiguredPlugin[];
  readonly drainMs?: number;
  readonly maxOutputBytes?: number;
  readonly maxUploadBytes?: number;
  readonly uploadFolder?: string;
}

export interface TestApp<Handlers = HandlerTable> extends AsyncDisposable {
  /** The services that plugins provide: `app.services.get(storeRef)`. */
  readonly services: Services;
  /** The catalog of the exposed handlers after the checks of boot. */
  readonly catalog: Catalog;
  readonly log: readonly LogLine[];
  /** Returns the functions with which a test calls handlers as this principal. */
  as(principal: Principal): TestCaller<Handlers>;
  /**
   * Calls every surface that exposes the handler, or only the named surfaces. The probe of each surface makes the call from
   * outside. @returns The answers by the name of the surface.
   */
  acrossSurfaces(call: ProbeCall, surfaces?: readonly string[]): Promise<Readonly<Record<string, ProbeAnswer>>>;
  stop(): Promise<void>;
}

/**
 * Makes a principal for tests. Without scopes and roles in `given`, the principal has no rights. The `person` of the principal is
 * the subject of the principal. An agent or a service has no `person` unless the test sets `person`.
 */
export const principal = (given: Partial<Principal> = {}): Principal =>
  Object.freeze({
    issuer: "test",
    subject: "ana",
    kind: "user",
    ...(given.kind === "agent" || given.kind === "service" ? {} : { person: given.subject ?? "ana" }),
    credential: `test:${given.subject ?? "ana"}`,
    scopes: [],
    roles: [],
    claims: {},
    ...given,
  });

/** Makes an authenticator from a table that contains the principal of each token. */
export const tokens = (table: Readonly<Record<string, Principal>>): Authenticator =>
  authenticator({
    name: "tokens",
    reads: { schemes: ["Bearer"] },
    authenticate: ({ token }) => (token !== undefined && Object.hasOwn(table, token) ? table[token] : undefined),
  });

const directKey = exposureKey("direct", Type.Boolean());

/** A surface without a transport. Use `direct` for tests of the kernel itself. */
export const direct = definePlugin({ authenticate: Type.Optional(anAuthentication) }, ({ authenticate = tokens({}) }) => ({
  name: "direct",
  exposure: [directKey],
  surface: { name: "direct", exposes: "Direct handlers", authenticate },
}));

interface BootTest {
  <Handlers extends HandlerTable, const Table extends ExposureTable = ExposureTable>(
    given: TestBoot<Handlers, Table>,
  ): Promise<TestApp<ExposedAs<Handlers, Table>>>;
  <Given extends Manifest>(given: Given, options?: TestOptions): Promise<TestApp<HandlersOf<Given>>>;
}

/**
 * Boots a manifest, or a few handlers, and starts the app.
 *
 * @example
 * await using app = await bootTest({ handlers: { greet } });
 * const outcome = await app.as(principal()).call("greet", { name: "Ana" });
 */
export const bootTest: BootTest = async (given: Manifest | TestBoot, options: TestOptions = {}): Promise<TestApp> => {
  const isBoot = !isManifest(given);
  const { mode = "test", start = true, isolated = false, ...chosen } = isBoot ? given : options;
  const root = isolated ? mkdtempSync(join(tmpdir(), "quater-test-")) : (chosen.root ?? process.cwd());
  const leave = () => isolated && rmSync(root, { recursive: true, force: true });
  const lines: LogLine[] = [];
  const boot = async (): Promise<Kernel> => {
    const chosenManifest = isBoot ? manifestOf(given) : given;
    const manifest = isolated ? beside(chosenManifest, root) : chosenManifest;
    const loaded = { manifest, file: "quater.config.ts", root, placeOf: () => "quater.config.ts" };
    const made = await createKernel({ loaded, mode, log: collecting(lines) });
    if (start) await made.start();
    return made;
  };
  const kernel = await boot().catch((error: unknown) => {
    leave();
    throw error;
  });
  const stop = async () => {
    await kernel.stop();
    leave();
  };
  const app: TestApp = {
    services: kernel.services,
    catalog: kernel.catalog,
    log: lines,
    as: (who) => callerOf(kernel, who),
    acrossSurfaces: async (call, surfaces = [...(kernel.catalog.get(call.handler)?.surfaces ?? [])]) => {
      const seen: Record<string, ProbeAnswer> = {};
      for (const surface of surfaces) {
        const probe = kernel.probes.get(surface);
        if (probe !== undefined) seen[surface] = await probe(call);
      }
      return seen;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  keepKernel(app, kernel);
  return app;
};

const beside = (manifest: Manifest, folder: string): Manifest =>
  defineConfig({ ...manifest, plugins: manifest.plugins.map((plugin) => testRunOf(plugin, { folder, hasOwnDoors: true })) });

const manifestOf = ({ handlers, expose: table, plugins = [], ...given }: TestBoot): Manifest => {
  const { drainMs, maxOutputBytes, maxUploadBytes, uploadFolder } = given;
  const exposures = table ?? Object.fromEntries(Object.keys(handlers).map((name) => [name, { direct: true }]));
  const usesDirect =
    Object.values(exposures).some((exposure) => "direct" in exposure) && !plugins.some(({ name }) => name === "direct");
  return defineConfig({
    name: "test",
    handlers: [expose(async () => handlers as Record<string, never>, exposures as never) as Exposed],
    plugins: usesDirect ? [...plugins, direct()] : plugins,
    ...(drainMs === undefined ? {} : { drainMs }),
    ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
    ...(maxUploadBytes === undefined ? {} : { maxUploadBytes }),
    ...(uploadFolder === undefined ? {} : { uploadFolder }),
  });
};

const collecting = (lines: LogLine[]): Log => {
  const at = (level: LogLine["level"]) => (message: string, fields?: unknown) =>
    void lines.push({ level, message, fields: fieldsOf(fields) });
  return { info: at("info"), warn: at("warn"), error: at("error") };
};

const callerOf = (kernel: Kernel, principal: Principal): TestCaller => {
  const send: TestCaller["send"] = (handler, input = {}, how = {}) => {
    const surface = how.surface ?? [...(kernel.catalog.get(handler)?.surfaces ?? ["direct"])][0] ?? "direct";
    const adopt = kernel.plugins.find((plugin) => plugin.surface?.name === surface)?.surface?.adopt;
    return kernel.invoke({
      handler,
      surface,
      principal: adopt?.(principal) ?? principal,
      given: [{ from: "arguments", isText: false, values: clonedInput(input) }],
      dryRun: how.dryRun ?? false,
      cancellation: how.cancellation ?? new Cancellation(),
      ...(how.progress === undefined ? {} : { progress: how.progress }),
    });
  };
  return {
    send,
    call: async (handler, ...[input, how]) => {
      if (!kernel.catalog.names.includes(handler))
        throw new Error(
          `No handler named ${handler} is exposed. To test the refusal, write send(${JSON.stringify(handler)}, ...)`,
        );
      return send(handler, input, how) as never;
    },
  };
};
