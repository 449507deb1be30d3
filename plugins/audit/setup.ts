// The audit plugin at work: keys, trail, hooks, commands, and what has to be done from time to time. Loaded when a project
// that has it is set up, so that a manifest which only imports it does not pay.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { BootError, type PluginContext, type Running } from "../../core/plugin-api.ts";
import { isStoreFailure, storeRef } from "../store/service.ts";
import { auditCommands } from "./commands/commands.ts";
import type { Eraser } from "./erasing/subject.ts";
import type { Draft } from "./log/entry.ts";
import { bodyText } from "./log/event.ts";
import { DamagedHead, LostTrail, MissingKey } from "./log/head.ts";
import { KeyRing } from "./log/key-ring.ts";
import { derivedFrom, type TrailKeys } from "./log/keys.ts";
import { ProvenUses } from "./log/proven-uses.ts";
import { Recorder } from "./log/recorder.ts";
import { Redactor } from "./log/redact.ts";
import { Refusals } from "./log/refusals.ts";
import { migrations } from "./log/tables.ts";
import { Trail } from "./log/trail.ts";
import { unrecorded } from "./log/unrecorded.ts";
import type { AuditOptions } from "./options.ts";
import { restoredCommand } from "./restore/command.ts";
import { StoreDisagrees } from "./restore/compare.ts";
import type { Restorer } from "./restore/restored.ts";
import { type Audit, type AuditEvent, auditRef } from "./service.ts";
import { sinksOf } from "./sinks/sinks.ts";
import { Unverified } from "./verify/verified.ts";

const servers = new Set(["serve", "dev"]);
const processesThatStay = new Set(["serve", "dev", "mcp", "test"]);
const tickMs = 1_000;
const pruneEveryMs = 3_600_000;
const dayMs = 86_400_000;

export const setup = (options: AuditOptions, context: PluginContext): Running => {
  const { keys: keyFile, sinks: sinkOptions, retentionDays, fingerprint, leaseMs } = options;
  const { services, mode, project, log, plugins, manifestDigest } = context;
  const store = services.get(storeRef);
  store.register("audit", migrations);
  store.checkWith(() => trail.probe());
  const path = resolve(project.root, keyFile);
  // Read when they are first needed: looking at a project makes no files.
  const ring = new KeyRing(path, log);
  const keys = (): TrailKeys => ring.current;
  const redactor = new Redactor(keys);
  const sinks = sinksOf(sinkOptions, project.root, servers.has(mode));
  const stays = processesThatStay.has(mode);
  const trail = new Trail({
    app: project.name,
    store,
    keys: ring,
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
  const uses = new ProvenUses(() => store.open(), ring);
  const lost: LostChanges[] = [];
  const erasers: Eraser[] = [];
  const restorers: Restorer[] = [];
  const sweepLost = async (): Promise<number> => {
    const { sweepUnknown } = await import("./log/sweep.ts");
    await trail.open();
    const opened = await store.open();
    let found = 0;
    await attempt("Calls whose process is gone could not be recorded as lost", async () => {
      found = await sweepUnknown({ trail, store: opened, keys: keys() }, (call) =>
        lost.flatMap((changes) => changes(opened, call)),
      );
    });
    return found;
  };
  /** What is damaged stays so until somebody looks, so the same message is logged once. */
  const failures = new Map<string, string>();
  const attempt = async (failure: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      failures.delete(failure);
    } catch (error) {
      if (!(error instanceof Unverified)) throw error;
      if (failures.get(failure) !== error.message) log.error(failure, { error: error.message });
      failures.set(failure, error.message);
    }
  };
  const filingOf: Audit["filingOf"] = async (approvalId, callId) => {
    const { filingOf: find } = await import("./log/filing.ts");
    try {
      return await find(await store.open(), keys(), approvalId, callId);
    } catch (error) {
      throw unrecorded(error);
    }
  };
  const sinkFiles = sinkOptions.flatMap((sink) => (sink === "stdout" ? [] : resolve(project.root, sink.file)));
  const about = { files: sinkFiles, hasStdout: sinkOptions.includes("stdout") };
  services.provide(
    auditRef,
    serviceOf({ about, trail, redactor, recorder, refusals, keys, uses, lost, erasers, restorers, sweepLost, filingOf }),
  );
  let ticking: NodeJS.Timeout | undefined;
  let renewedAt = 0;
  let prunedAt = 0;
  const tick = async (): Promise<void> => {
    refusals.sweep();
    ring.reload();
    await trail.compareWhenDue();
    if (stays) trail.checkpoints.makeWhenDue();
    if (Date.now() - renewedAt < leaseMs / 3) return;
    renewedAt = Date.now();
    await trail.renewLease(recorder.openSince);
    if (stays) await trail.compare();
    if (!stays || trail.ledger === undefined) return;
    await sweepLost();
    if (Date.now() - prunedAt < pruneEveryMs) return;
    prunedAt = Date.now();
    await attempt("Old events were not removed", removeOld);
  };
  const removeOld = async (): Promise<void> => {
    const opened = await store.open();
    const { prune } = await import("./log/prune.ts");
    await prune({ trail, store: opened, keys: keys(), sinkFiles }, (await opened.now()) - retentionDays * dayMs);
  };
  return {
    hooks: recorder.hooks,
    commands: [
      restoredCommand({ store, trail, keys, sinks, restorers, app: project.name }),
      ...auditCommands({
        store,
        trail,
        keyFile: path,
        fingerprint,
        sinkFiles,
        catalog: context.catalog,
        gate: context.gate,
        plugins: plugins.map(({ name }) => name),
        refused: (fields) => refusals.refused({ ...fields, type: "call.refused", outcome: "refused" }),
        erasers,
        tagOf: (value) => redactor.tagOf(value),
      }),
    ],
    start: async () => {
      ticking = setInterval(
        () => {
          tick().catch((error: unknown) => log.warn("The trail could not be looked after", { error: String(error) }));
        },
        Math.min(tickMs, leaseMs / 3),
      );
      ticking.unref();
      if (!stays) return;
      await trail.open().catch((error: unknown) => {
        throw startProblem(error, path);
      });
      trail.announce(true);
      if (sinkOptions.length === 0)
        log.info("audit has no sinks: that the trail was not tampered with can be shown by this store alone");
    },
    stop: async () => {
      clearInterval(ticking);
      refusals.flush();
      await trail.stop(stays, recorder.openSince !== undefined);
    },
  };
};

type LostChanges = Parameters<Audit["whenLost"]>[0];

interface Parts {
  readonly about: Audit["sinks"];
  readonly trail: Trail;
  readonly redactor: Redactor;
  readonly recorder: Recorder;
  readonly refusals: Refusals;
  readonly keys: () => TrailKeys;
  readonly uses: ProvenUses;
  readonly lost: LostChanges[];
  readonly erasers: Eraser[];
  readonly restorers: Restorer[];
  readonly sweepLost: Audit["sweepLost"];
  readonly filingOf: Audit["filingOf"];
}

const serviceOf = ({
  about,
  trail,
  redactor,
  recorder,
  refusals,
  keys,
  uses,
  lost,
  erasers,
  restorers,
  sweepLost,
  filingOf,
}: Parts): Audit => {
  const draftOf = ({ fields, body, timed }: AuditEvent): Draft => ({
    fields:
      timed === undefined
        ? fields
        : ({ at }) => ({ ...fields, detail: { ...(fields.detail as object | undefined), ...timed(at) } }),
    ...(body === undefined ? {} : { body: bodyText(body, (text) => redactor.ofText(text)) }),
  });
  return {
    sinks: about,
    commit: async (events, changes, onLate, check) => {
      const entry = { events: events.map(draftOf), changes, ...(check === undefined ? {} : { check }) };
      const receipt = await trail.record(entry, onLate);
      return "seq" in receipt ? receipt : { refused: receipt.refusal };
    },
    begin: async (callId, events, changes, about = {}) => {
      const receipt = await recorder.begin(callId, events.map(draftOf), changes, about);
      return "seq" in receipt ? receipt : { refused: receipt.refusal };
    },
    standingOf: (approvalId) => trail.standingOf(approvalId),
    filingOf,
    knownUses: () => readable(uses.known()),
    proofOfUse: (approvalId, callId) => readable(uses.proofOf(approvalId, callId)),
    erasedRequests: () => readable(uses.erased()),
    whenLost: (changes) => void lost.push(changes),
    whenErasing: (eraser) => void erasers.push(eraser),
    whenRestored: (restorer) => void restorers.push(restorer),
    sweepLost,
    refused: (fields) => refusals.refused({ ...fields, type: "call.refused", outcome: "refused" }),
    tagOf: (value) => redactor.tagOf(value),
    tagsOf: (value) => redactor.tagsOf(value),
    storable: (schema, value) => redactor.storable(schema, value),
    secretFor: (label) => derivedFrom(keys().tag.secret, label),
    secretsFor: (label) => keys().tags.map(({ secret }) => derivedFrom(secret, label)),
  };
};

/** @throws {QuaterError} `audit_unavailable`. */
const readable = <Value>(reading: Promise<Value>): Promise<Value> =>
  reading.catch((error: unknown) => Promise.reject(unrecorded(error)));

/** What stops a start, with the remedy. */
const startProblem = (error: unknown, keyFile: string): unknown => {
  const remedy =
    error instanceof StoreDisagrees
      ? error.remedy
      : error instanceof DamagedHead
        ? "Look with `quater audit verify`; nothing is recorded on top of a trail that somebody changed"
        : error instanceof MissingKey
          ? `Copy the current key file from the other instances to ${keyFile}`
          : error instanceof LostTrail
            ? `The store was deleted, replaced or not mounted: restore it. To begin a new trail on purpose, move ${keyFile} away`
            : isStoreFailure(error)
              ? "Let the database take writes, then start again"
              : undefined;
  if (remedy === undefined || !(error instanceof Error)) return error;
  const cause = error instanceof StoreDisagrees ? error.cause : error.message;
  return new BootError([{ place: "audit()", plugin: "audit", cause, remedy }]);
};

const quaterVersion = (): string => {
  const file = createRequire(import.meta.url).resolve("quater/package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};
