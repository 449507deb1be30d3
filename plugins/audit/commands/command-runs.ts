// Runs the commands `quater audit ...`.

import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { timeOf } from "../../../core/diagnostics/given-time.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { invalid, type Static } from "../../../core/index.ts";
import type { Catalog, CommandIo } from "../../../core/plugin-api.ts";
import type { OpenStore, Reading, Store } from "../../store/service.ts";
import { erase as eraseFrom } from "../erasing/erase.ts";
import { eraserFor, type RightParts } from "../erasing/right.ts";
import type { Eraser } from "../erasing/subject.ts";
import { headOf } from "../log/head.ts";
import { activateKeys, openKeys, prepareKeys, readKeys, readTrailFile, rotateKeys } from "../log/keys.ts";
import { runningInstances } from "../log/leases.ts";
import type { Trail } from "../log/trail.ts";
import { exitOf } from "../verify/damage.ts";
import { each, type Filter, newest, type ReadEvent, trailIn } from "../verify/find.ts";
import { storeSource } from "../verify/source.ts";
import { sentTo, sinkProblems, sinkState, unreadableSink } from "../verify/verify-sinks.ts";
import { type ExportHeader, fileSource, summaryOf, type VerifyOptions, verifySource } from "../verify/verify-source.ts";
import type { eraseInput, exportInput, rotateInput, showInput, tailInput, verifyInput } from "./inputs.ts";
import { jsonLine, textBlock, textLine } from "./show.ts";

export interface CommandParts extends RightParts {
  readonly store: Store;
  readonly trail: Trail;
  readonly keyFile: string;
  readonly fingerprint: string | undefined;
  readonly catalog: Catalog;
  /** The functions by which other plugins erase their own personal data. */
  readonly erasers: readonly Eraser[];
  /** Returns the keyed digest of a value's RFC 8785 text. */
  readonly tagOf: (value: unknown) => string;
  /** The files to which checkpoints are written. */
  readonly sinkFiles: readonly string[];
}

const followMs = 300;
/** The exit code when the trail has no matching event (EX_NOINPUT of sysexits.h). */
const nothingFound = 66;
/** The exit code when the command may succeed later (EX_TEMPFAIL of sysexits.h). */
const inUse = 75;
/** The exit code when the trail cannot be read. */
const noTrail = 2;

/** Returns the store if the store exists, because commands that only read must not create a store. */
const storeOf = async ({ store }: CommandParts, io: CommandIo, inThread = false): Promise<OpenStore | undefined> => {
  if (await store.isMade()) return store.open({ inThread });
  io.say("The store has no trail yet. The first start of the server creates the trail.\n");
  return undefined;
};

export const tail = async (parts: CommandParts, input: Static<typeof tailInput>, io: CommandIo): Promise<number> => {
  const store = await storeOf(parts, io);
  if (store === undefined) return noTrail;
  const trail = trailIn(store, parts.keyFile);
  // Each query reads one state of the store, because events may be pruned or erased in the meantime.
  const { found, end } = await store.snapshot(async (at) => ({
    found: await newest({ ...trail, store: at }, filterOf(input), input.lines),
    end: await headSeq(at),
  }));
  for (const event of found) io.write(line(event, io));
  if (!input.follow) return 0;
  const { signal } = io;
  let last = end;
  // An attacker added each row behind the end of the trail. Print such a row once, and continue to look for new events before the
  // row.
  const shown = new Set(found.map(({ row }) => row.seq).filter((seq) => seq > last));
  while (!signal.aborted) {
    await pause(followMs, signal);
    await store.snapshot(async (at) => {
      const now = await headSeq(at);
      for await (const event of each({ ...trail, store: at }, filterOf(input), last)) {
        const { seq } = event.row;
        if (seq <= now) last = seq;
        else if (shown.has(seq)) continue;
        else shown.add(seq);
        io.write(line(event, io));
      }
    });
  }
  return 0;
};

export const show = async (parts: CommandParts, input: Static<typeof showInput>, io: CommandIo): Promise<number> => {
  const filter = filterOf(input);
  if (Object.values(filter).every((value) => value === undefined))
    invalid("/call", "is required, unless you give --handler, --principal, --surface, --outcome or --since");
  const store = await storeOf(parts, io);
  if (store === undefined) return noTrail;
  let count = 0;
  await store.snapshot(async (at) => {
    for await (const event of each(trailIn(at, parts.keyFile), filter)) {
      io.write(io.isJson ? jsonLine(event) : textBlock(event));
      count++;
    }
  });
  if (count === 0) io.say("No event matches.\n");
  return count === 0 ? nothingFound : 0;
};

export const erase = async (
  parts: CommandParts,
  { person, reason, until, whole, ...rest }: Static<typeof eraseInput>,
  io: CommandIo,
): Promise<number> => {
  const filter = { ...rest, ...(until === undefined ? {} : { until: timeOf("until", until) }) };
  if ([person, ...Object.values(filter)].every((value) => value === undefined))
    invalid("/person", "is required, unless you give --call, --handler, --principal or --until");
  const principal = await eraserFor(parts, io);
  const store = await storeOf(parts, io);
  if (store === undefined) return noTrail;
  // Without a person or a call, the command erases whole bodies, so that operators can reduce the stored data.
  const isWhole = whole || (person === undefined && filter.call === undefined);
  const by = userInfo().username;
  const counts = await eraseFrom({ ...parts, store }, { person, filter, isWhole, reason, principal, by });
  io.show(counts);
  const left = ["unverifiedEvents", "unprovenRequests"].filter((name) => (counts[name] ?? 0) > 0);
  if (left.length === 0) return 0;
  io.say(
    "Some events or requests do not verify, so Quater did not erase them. Run `quater audit verify` to list these events and requests.\n",
  );
  return 1;
};

/**
 * Prints the fingerprint, and creates the keys if they do not exist, so that the fingerprint can be noted before the first event.
 */
export const fingerprint = ({ keyFile }: CommandParts, io: CommandIo): number => {
  io.write(`${openKeys(keyFile).checkpoint.fingerprint}\n`);
  return 0;
};

export const rotate = async (
  parts: CommandParts,
  { prepare, activate, despiteLeases }: Static<typeof rotateInput>,
  io: CommandIo,
): Promise<number> => {
  const { keyFile } = parts;
  if (prepare && activate)
    invalid(
      "/activate",
      "cannot be used together with --prepare. Run quater audit rotate --prepare, copy the key file to every instance, then run quater audit rotate --activate",
    );
  openKeys(keyFile);
  if (!prepare && !activate && !despiteLeases && (await parts.store.isMade())) {
    const { count, text } = await runningInstances(await parts.store.open());
    if (count > 0) {
      io.say(
        `${count === 1 ? "Another instance is" : `${count} other instances are`} running (${text}), so rotate in two steps: ` +
          "run `quater audit rotate --prepare`, copy the key file to every instance, then run `quater audit rotate --activate`. " +
          "If you are sure that no other instance runs, add --despite-leases.\n",
      );
      return inUse;
    }
  }
  const fingerprint = prepare ? prepareKeys(keyFile) : activate ? activateKeys(keyFile) : rotateKeys(keyFile);
  io.say(prepare ? "The prepared checkpoint key has this fingerprint:\n" : "The new checkpoint key has this fingerprint:\n");
  io.write(`${fingerprint}\n`);
  if (prepare)
    io.say(
      `The new keys are not in use yet. Copy ${keyFile} to every instance, then run \`quater audit rotate --activate\` for each copy.\n`,
    );
  return 0;
};

export const verify = async (parts: CommandParts, input: Static<typeof verifyInput>, io: CommandIo): Promise<number> => {
  const given = input.against.map((file) => resolve(file));
  // Do not compare an export with the sinks, because the sinks have newer lines, and the export would look cut.
  const sinkFiles = input.file === undefined ? parts.sinkFiles : [];
  const unreadable = sinkFiles.flatMap((file) => unreadableSink(file) ?? []);
  const readable = sinkFiles.filter((file) => !unreadable.some((sink) => sink.file === file));
  const against = [...new Set([...given, ...readable])];
  const fingerprint = input.fingerprint ?? parts.fingerprint;
  const options = { keyFile: parts.keyFile, fingerprint, from: input.from, against };
  try {
    const { report: read, sent } =
      input.file === undefined
        ? await verifyStore(parts, options, io)
        : { report: await verifySource(fileSource(resolve(input.file)), options), sent: new Map() };
    if (read === "no store") return withoutTrail(parts, io);
    // Read the sinks last, because a checkpoint is written to the sink before the store records that the sink has the checkpoint.
    const report = read && {
      ...read,
      sinks: sinkProblems([...unreadable, ...readable.map(sinkState)], read.checkpoints, sent),
    };
    if (report === undefined) {
      io.say("The store has no trail yet. The first start of the server creates the trail.\n");
      return withoutTrail(parts, io);
    }
    if (io.isJson) io.show(report);
    io.say(summaryOf(report, against.length > 0));
    return exitOf(report);
  } catch (error) {
    io.say(`Quater could not read the trail: ${visible(error instanceof Error ? error.message : String(error))}\n`);
    return 2;
  }
};

/** Prints that there is no trail. If the key file records that a trail was begun, prints that the trail is lost. */
const withoutTrail = ({ keyFile }: CommandParts, io: CommandIo): number => {
  if (!existsSync(keyFile) || readTrailFile(keyFile).trail === undefined) return noTrail;
  io.say(
    `The store has no trail, but the key file says that a trail was started, so the trail is lost. Restore the store from a backup.\n`,
  );
  return 1;
};

/**
 * Verifies one state of the store, because servers may write, prune and erase in the meantime. The database runs in another
 * thread, so this thread hashes rows while the other thread reads the next rows.
 */
const verifyStore = async (parts: CommandParts, options: VerifyOptions, io: CommandIo) => {
  const store = await storeOf(parts, io, true);
  if (store === undefined) return { report: "no store", sent: new Map() } as const;
  return store.snapshot(async (at) => ({ report: await verifySource(storeSource(at), options), sent: await sentTo(at) }));
};

export const exportTrail = async (parts: CommandParts, { until }: Static<typeof exportInput>, io: CommandIo): Promise<number> => {
  const store = await storeOf(parts, io);
  if (store === undefined) return noTrail;
  const before = until === undefined ? Number.POSITIVE_INFINITY : timeOf("until", until);
  const { fingerprint } = readKeys(parts.keyFile).checkpoint;
  let [from, last, unverified] = [0, 0, 0];
  // Read head and rows in one state of the store. Otherwise rows that are pruned in the meantime would be missing in the exported
  // file.
  const isWritten = await store.snapshot(async (at) => {
    const head = await storeSource(at).head();
    if (head === undefined) return false;
    io.write(`${JSON.stringify({ type: "quater.trail.v1", head, fingerprint } satisfies ExportHeader)}\n`);
    [from, last] = [head.floor_seq + 1, head.floor_seq];
    for await (const found of each(trailIn(at, parts.keyFile), {}, last)) {
      if (found.row.seq > head.seq || (found.unverified === undefined && found.row.at >= before)) break;
      if (found.unverified !== undefined) unverified++;
      io.write(exported(found));
      last = found.row.seq;
    }
    return true;
  });
  if (!isWritten) {
    io.say("The store has no trail yet. The first start of the server creates the trail.\n");
    return noTrail;
  }
  const detail = { by: userInfo().username, from, through: last };
  await parts.trail.record({ events: [{ fields: { type: "audit.exported", detail } }] });
  io.say(`Exported events ${from} to ${last}.\n`);
  if (unverified === 0) return 0;
  io.say(
    `${unverified} of these events do not verify and have the mark "unverified". Run \`quater audit verify\` to find out why.\n`,
  );
  return 1;
};

/**
 * Returns a row as one line of an export, with unchanged cells for `audit verify --file`. The mark `unverified` is for people who
 * read the file.
 */
const exported = ({ row: { previous: _, malformed: __, ...row }, unverified }: ReadEvent): string =>
  `${JSON.stringify(unverified === undefined ? row : { ...row, unverified: `Event ${row.seq} ${unverified}` })}\n`;

const filterOf = ({ since, ...rest }: Static<typeof showInput>): Filter => {
  const { handler, principal, surface, outcome, call } = rest;
  const given = { handler, principal, surface, outcome, call, since: since === undefined ? undefined : timeOf("since", since) };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Filter;
};

const line = (event: ReadEvent, io: CommandIo): string => (io.isJson ? jsonLine(event) : textLine(event));

const headSeq = async (store: Reading): Promise<number> => (await headOf(store))?.seq ?? 0;

/** Waits, or returns early when a signal asks the process to end. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(end, milliseconds);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    }
    signal.addEventListener("abort", end);
  });
