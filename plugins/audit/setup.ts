// Sets up the audit plugin: connects the keys, the trail, the hooks, the service and the commands of the plugin. index.ts imports
// this file only when a project that uses audit starts. So a manifest that only imports audit loads fast.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { isServing } from "../../core/model/run-mode.ts";
import { BootError, type PluginContext, type Running } from "../../core/plugin-api.ts";
import { auditReadsRef } from "../offered.ts";
import { isStoreFailure, storeRef } from "../store/service.ts";
import { auditService } from "./audit-service.ts";
import { auditCommands } from "./commands/commands.ts";
import type { CommandParts } from "./commands/parts.ts";
import { remoteReads } from "./commands/remote-reads.ts";
import type { Eraser } from "./erasing/subject.ts";
import { DamagedHead, LostTrail, MissingKey } from "./log/head.ts";
import { KeyRing } from "./log/key-ring.ts";
import { Recorder } from "./log/recorder.ts";
import { Redactor } from "./log/redact.ts";
import { Refusals } from "./log/refusals.ts";
import { migrations } from "./log/tables.ts";
import { Trail } from "./log/trail.ts";
import type { AuditOptions } from "./options.ts";
import { restoredCommand } from "./restore/command.ts";
import { StoreDisagrees } from "./restore/compare.ts";
import type { Restorer } from "./restore/restored.ts";
import { auditRef } from "./service.ts";
import { sinksOf } from "./sinks/sinks.ts";
import { Upkeep } from "./upkeep.ts";

const servers = new Set(["serve", "dev"]);

export const setup = (options: AuditOptions, context: PluginContext): Running => {
  const { keys: keyFile, sinks: sinkOptions, retentionDays, fingerprint, leaseMs } = options;
  const { services, mode, project, log, plugins, manifestDigest } = context;
  const store = services.get(storeRef);
  store.register("audit", migrations);
  store.checkWith(() => trail.probe());
  const path = resolve(project.root, keyFile);
  // The key ring reads the key file when a key is first needed, because commands that only read a project must not create the key
  // file.
  const keys = new KeyRing(path, log);
  const redactor = new Redactor(() => keys.current);
  const sinks = sinksOf(sinkOptions, project.root, servers.has(mode));
  const stays = isServing(mode);
  const trail = new Trail({
    app: project.name,
    store,
    keys,
    sinks,
    log,
    leaseMs,
    started: () => ({
      app: { name: project.name, version: project.version },
      command: mode,
      manifest: manifestDigest(),
      plugins: plugins.map(({ optionsDigest, ...plugin }) => ({ ...plugin, options: optionsDigest?.() })),
      quater: quaterVersion(),
    }),
  });
  const refusals = new Refusals((fields) => trail.note(fields));
  const recorder = new Recorder({ trail, redactor, refusals });
  const sinkFiles = sinkOptions.flatMap((sink) => (sink === "stdout" ? [] : resolve(project.root, sink.file)));
  const upkeep = new Upkeep({
    trail,
    store,
    keys,
    refusals,
    log,
    sinkFiles,
    leaseMs,
    retentionDays,
    stays,
  });
  const erasers: Eraser[] = [];
  const restorers: Restorer[] = [];
  const service = auditService({
    sinks: { files: sinkFiles, hasStdout: sinkOptions.includes("stdout") },
    store,
    trail,
    redactor,
    recorder,
    refusals,
    keys,
    upkeep,
    erasers,
    restorers,
  });
  services.provide(auditRef, service);
  const commandParts: CommandParts = {
    store,
    trail,
    keyFile: path,
    fingerprint,
    sinkFiles,
    catalog: context.catalog,
    gate: context.gate,
    plugins: plugins.map(({ name }) => name),
    refused: service.refused,
    erasers,
    tagOf: service.tagOf,
  };
  services.provide(auditReadsRef, remoteReads(commandParts));
  return {
    hooks: recorder.hooks,
    commands: [
      restoredCommand({ store, trail, keys: () => keys.current, sinks, restorers, app: project.name }),
      ...auditCommands(commandParts),
    ],
    start: async () => {
      upkeep.start();
      if (!stays) return;
      await trail.open().catch((error: unknown) => {
        throw startProblem(error, path);
      });
      trail.announce(true);
      // In development, Quater would log this warning at each restart, and nobody has to prove events of the trail.
      if (sinkOptions.length === 0 && context.mode === "serve")
        log.info(
          "audit() has no sinks, so nothing outside the store can prove that the trail is unchanged. Add sinks: [{ file: ... }]",
        );
    },
    stop: async () => {
      upkeep.stop();
      refusals.flush();
      await trail.stop(stays);
    },
  };
};

/** Converts an error from the first opening of the trail into a boot problem with a remedy. Returns other errors unchanged. */
const startProblem = (error: unknown, keyFile: string): unknown => {
  const remedy = remedyOf(error, keyFile);
  if (remedy === undefined || !(error instanceof Error)) return error;
  const cause = error instanceof StoreDisagrees ? error.cause : error.message;
  return new BootError([{ place: "audit()", plugin: "audit", cause, remedy }]);
};

const remedyOf = (error: unknown, keyFile: string): string | undefined => {
  if (error instanceof StoreDisagrees) return error.remedy;
  if (error instanceof DamagedHead)
    return "Run `quater audit verify` to see what was changed. Quater does not continue a trail that was changed";
  if (error instanceof MissingKey) return `Copy the current key file from the other instances to ${keyFile}`;
  if (error instanceof LostTrail)
    return `The store was deleted, replaced or not mounted. Restore the store. To start a new trail on purpose, move ${keyFile} away`;
  return isStoreFailure(error) ? "Make sure that the database accepts writes, then start the server again" : undefined;
};

const quaterVersion = (): string => {
  const file = createRequire(import.meta.url).resolve("quater/package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};
