// Sets up the store plugin: the service, the locks, and the reactions to failures of the database. Quater loads this file only
// for projects that have store().

import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isServing } from "../../core/model/run-mode.ts";
import { BootError, errorText, type PluginContext, type Running } from "../../core/plugin-api.ts";
import type { Database } from "./connection.ts";
import { type FailureKind, isStoreFailure } from "./failure.ts";
import { lockMigrations } from "./lock/leases.ts";
import { Locks } from "./lock/locks.ts";
import { isMigrated, type Registered, touchOf } from "./migrate.ts";
import { fenced, openDatabase, openStore, type Place } from "./open.ts";
import type { StoreOptions } from "./options.ts";
import { type OpenStore, type Store, storeRef } from "./service.ts";

/** The exit code of the process when the store is fenced (EX_IOERR of sysexits.h). */
const exitOnFence = 74;
/**
 * How often a running process checks whether the database of the store is still the database that the process opened,
 * milliseconds.
 */
const tickMs = 1_000;
/** How long the store reuses the result of its readiness check, milliseconds. */
const readinessMs = 1_000;

export const setup = (options: StoreOptions, { services, mode, project, log, halt }: PluginContext): Running => {
  const place = placeOf(options, project.root);
  const registered: Registered[] = [{ plugin: "store", migrations: lockMigrations }];
  const instance = randomBytes(6).toString("hex");
  let database: Database | undefined;
  let opening: Promise<OpenStore> | undefined;
  let isFenced = false;
  const fence = (error: unknown): void => {
    if (isFenced) return;
    isFenced = true;
    log.error(
      "The store failed or is damaged, so the server accepts no more calls. Find the cause in the log, run `quater audit verify`, then restart the server",
      {
        error: errorText(error),
      },
    );
    halt("The store failed or is damaged", exitOnFence);
  };
  const lostListeners: (() => void)[] = [];
  const tellLost = (): void => {
    for (const listener of lostListeners) listener();
  };
  const onFailure = (error: unknown): void => {
    if (!isStoreFailure(error)) return;
    if (error.kind === "broken") fence(error);
    if (error.kind === "lost") tellLost();
  };
  const parts = {
    place,
    mode,
    registered,
    onFailure,
    onLost: (error: Error) => {
      log.warn("The server lost a connection to the store", { error: errorText(error) });
      tellLost();
    },
    assertOpen: () => {
      if (isFenced) throw fenced();
    },
  };
  const connected = async (inThread = false): Promise<Database> => {
    database ??= await openDatabase({ ...parts, inThread });
    return database;
  };
  let check = async (): Promise<void> => {
    const open = await service.open();
    if (registered.length === 0) await open.now();
    else await open.apply(touchOf(`ready:${instance}`));
  };
  const service: Store = {
    register: (plugin, migrations) => void registered.push({ plugin, migrations }),
    open: (how) => {
      opening ??= connected(how?.inThread)
        .then((open) => openStore(open, parts))
        .catch((error: unknown) => {
          opening = undefined; // The next call tries to open the store again.
          throw error;
        });
      return opening;
    },
    isMade: async () => {
      if (place.path === undefined) return isMigrated(await connected(), place.schema);
      return (statSync(place.path, { throwIfNoEntry: false })?.size ?? 0) > 0;
    },
    checkWith: (other) => {
      check = other;
    },
    whenLost: (listener) => void lostListeners.push(listener),
    fence,
    get isFenced() {
      return isFenced;
    },
    lockOf: (callId) => locks.heldBy(callId),
  };
  const locks = new Locks({ open: () => service.open(), leaseMs: options.lockLeaseMs, log });
  services.provide(storeRef, service);
  const answers = recently(readinessMs, () => check());
  let ticking: NodeJS.Timeout | undefined;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking || isFenced || database === undefined) return;
    isLooking = true;
    // The function `onFailure` fences a replaced database. `onFailure` does not report a database that does not answer, because
    // the calls that need the database report this failure.
    await database.assertSame().catch(onFailure);
    isLooking = false;
  };
  return {
    hooks: locks.hooks,
    start: async () => {
      if (!isServing(mode)) return;
      try {
        await service.open();
        await database?.assertSame(); // From now on, the path must lead to the database that this process opened.
      } catch (error) {
        throw startProblem(error, place);
      }
      ticking = setInterval(look, tickMs).unref();
    },
    isReady: async () => !isFenced && (await answers()),
    stop: async () => {
      clearInterval(ticking);
      locks.stop();
      await database?.close();
      database = undefined;
    },
  };
};

const placeOf = ({ url, schema, mayLoseCommits }: StoreOptions, root: string): Place => {
  const file = url.startsWith("file://") ? fileURLToPath(url) : url.slice("file:".length);
  const path = url.startsWith("file:") ? (isAbsolute(file) ? file : join(root, file)) : undefined;
  return { url, path, schema, mayLoseCommits };
};

/**
 * Makes the boot problem for a database that the store cannot open. The boot problem does not contain the option `url`, because
 * `url` may contain a password.
 */
const startProblem = (error: unknown, { path }: Place): unknown => {
  if (!isStoreFailure(error)) return error;
  const say = (cause: string, remedy: string) => new BootError([{ place: "store()", plugin: "store", cause, remedy }]);
  if (error.message.includes("statement pooling mode"))
    return say(
      "The pooler in front of PostgreSQL runs in statement mode, which cannot run transactions",
      "Set pool_mode = transaction in the pooler",
    );
  if (path !== undefined)
    return say(
      `The store cannot be opened: ${error.message}`,
      `Check that ${path} is readable and writable, and that its disk has no errors`,
    );
  const remedies: Partial<Record<FailureKind, string>> = {
    lost: "Start PostgreSQL, or correct the host and port in store({ url }), then start the server again",
    unavailable: "Give this database user the right to log in and write, or correct store({ url }), then start the server again",
    busy: "Another process has a lock in the database. Start again when that process has finished",
    full: "Free space on the disk of PostgreSQL, then start the server again",
  };
  return say(
    `PostgreSQL cannot be used for the store: ${error.message}`,
    remedies[error.kind] ??
      "Check that the PostgreSQL server runs and that the user in store({ url }) may log in, then start the server again",
  );
};

/** Returns a function that runs `ask` at most once per `freshMs`. In between, the function returns the last result of `ask`. */
const recently = (freshMs: number, ask: () => Promise<void>): (() => Promise<boolean>) => {
  let asked: Promise<boolean> | undefined;
  let at = 0;
  return () => {
    if (asked === undefined || Date.now() - at >= freshMs) {
      at = Date.now();
      asked = ask().then(
        () => true,
        () => false,
      );
    }
    return asked;
  };
};
