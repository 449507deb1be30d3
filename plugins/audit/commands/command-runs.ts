// Runs the commands `quater audit ...`.

import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { timeOf } from "../../../core/diagnostics/given-time.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { invalid, type Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import { erase as eraseFrom } from "../erasing/erase.ts";
import { eraserFor } from "../erasing/right.ts";
import { activateKeys, openKeys, prepareKeys, readTrailFile, rotateKeys } from "../log/keys.ts";
import { runningInstances } from "../log/leases.ts";
import { exitOf } from "../verify/damage.ts";
import { each, trailIn } from "../verify/find.ts";
import { storeSource } from "../verify/source.ts";
import { sentTo, sinkProblems, sinkState, unreadableSink } from "../verify/verify-sinks.ts";
import { fileSource, summaryOf, type VerifyOptions, verifySource } from "../verify/verify-source.ts";
import type { eraseInput, rotateInput, showInput, verifyInput } from "./inputs.ts";
import { type CommandParts, filterOf, noTrail, storeOf } from "./parts.ts";
import { jsonLine, textBlock } from "./show.ts";

/** The exit code of a command that finds no matching event on the trail (EX_NOINPUT of sysexits.h). */
const nothingFound = 66;
/** The exit code of a command that may succeed later (EX_TEMPFAIL of sysexits.h). */
const inUse = 75;

export const show = async (parts: CommandParts, input: Static<typeof showInput>, io: CommandIo): Promise<number> => {
  const filter = filterOf(input);
  if (Object.values(filter).every((value) => value === undefined))
    invalid("/call", "is required, unless you give --handler, --principal, --surface, --outcome or --since");
  const store = await storeOf(parts, io);
  if (store === undefined) return noTrail;
  let count = 0;
  await store.snapshot(async (at) => {
    for await (const event of each(trailIn(at, parts.keyFile), filter)) {
      if (io.signal.aborted) return;
      await io.write(io.isJson ? jsonLine(event) : textBlock(event));
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
  // Without the flag for a person or a call, `quater audit erase` erases whole bodies of events, so that operators can reduce the
  // stored data.
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
 * Prints the fingerprint of the checkpoint key. Creates the keys of the trail if the keys do not exist, so that an operator can
 * note the fingerprint before the first event.
 */
export const fingerprint = async ({ keyFile }: CommandParts, io: CommandIo): Promise<number> => {
  await io.write(`${openKeys(keyFile).checkpoint.fingerprint}\n`);
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
  await io.write(`${fingerprint}\n`);
  if (prepare)
    io.say(
      `The new keys are not in use yet. Copy ${keyFile} to every instance, then run \`quater audit rotate --activate\` for each copy.\n`,
    );
  return 0;
};

export const verify = async (parts: CommandParts, input: Static<typeof verifyInput>, io: CommandIo): Promise<number> => {
  const given = input.against.map((file) => resolve(file));
  // Do not compare an export with the sinks, because the sinks attest newer events than the export contains, and the export would
  // seem to be cut.
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
    // Read the sinks last, because Quater writes a checkpoint to a sink before Quater records in the store that the sink has the
    // checkpoint.
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

/**
 * Prints that the store has no trail. If the key file records that a trail was begun, this function prints that the store has
 * lost the trail.
 */
const withoutTrail = ({ keyFile }: CommandParts, io: CommandIo): number => {
  if (!existsSync(keyFile) || readTrailFile(keyFile).trail === undefined) return noTrail;
  io.say(
    `The store has no trail, but the key file says that a trail was started, so the trail is lost. Restore the store from a backup.\n`,
  );
  return 1;
};

/**
 * Verifies a snapshot of the store, because servers may write, prune and erase events during the verification. SQLite runs in
 * another thread, so this thread hashes rows while the other thread reads the next rows.
 */
const verifyStore = async (parts: CommandParts, options: VerifyOptions, io: CommandIo) => {
  const store = await storeOf(parts, io, true);
  if (store === undefined) return { report: "no store", sent: new Map() } as const;
  return store.snapshot(async (at) => ({ report: await verifySource(storeSource(at), options), sent: await sentTo(at) }));
};
