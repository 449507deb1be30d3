// Runs `quater audit export`, which writes each event of the trail as one line. The memory that an export needs does not depend
// on the number of events.

import { userInfo } from "node:os";
import { timeOf } from "../../../core/diagnostics/given-time.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { invalid, type Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import { isPassing, type Reading, type StoreFailure } from "../../store/service.ts";
import type { EventLink } from "../log/event.ts";
import { readKeys } from "../log/keys.ts";
import { queriesOn } from "../log/queries.ts";
import { readRows } from "../log/rows.ts";
import { beginOf, pageOf, type ReadEvent, type TrailReader, trailIn } from "../verify/find.ts";
import { storeSource } from "../verify/source.ts";
import type { ExportHeader } from "../verify/verify-source.ts";
import type { exportInput } from "./inputs.ts";
import { type CommandParts, noTrail, storeOf } from "./parts.ts";

/**
 * The exit code of an export that a failure of the database has interrupted, and that the operator can continue (EX_TEMPFAIL of
 * sysexits.h).
 */
const interrupted = 75;

export const exportTrail = async (
  parts: CommandParts,
  { since, until, after }: Static<typeof exportInput>,
  io: CommandIo,
): Promise<number> => {
  if (since !== undefined && after !== undefined) invalid("/after", "cannot be used together with --since");
  const store = await storeOf(parts, io);
  if (store === undefined) return noTrail;
  const before = until === undefined ? Number.POSITIVE_INFINITY : timeOf("until", until);
  const { fingerprint } = readKeys(parts.keyFile).checkpoint;
  let [from, last, unverified] = [0, 0, 0];
  let failure: StoreFailure | undefined;
  // Read the head and the events in one snapshot of the store. Otherwise events that another process prunes during the export
  // would be missing in the exported file.
  const isWritten = await store
    .snapshot(async (at) => {
      const head = await storeSource(at).head();
      if (head === undefined) return false;
      const trail = trailIn(at, parts.keyFile);
      const begin =
        after !== undefined
          ? await linkOf(at, after, head.floor_seq)
          : since === undefined
            ? undefined
            : await linkBefore(trail, timeOf("since", since));
      last = begin?.seq ?? head.floor_seq;
      from = last + 1;
      const header: ExportHeader = {
        type: "quater.trail.v1",
        head,
        fingerprint,
        ...(begin === undefined ? {} : { after: begin }),
      };
      await io.write(`${JSON.stringify(header)}\n`);
      for (let next: number | undefined = last; next !== undefined && !io.signal.aborted; ) {
        const page = await pageOf(trail, {}, "after", next);
        const end = page.found.findIndex(
          (found) => found.row.seq > head.seq || (found.unverified === undefined && found.row.at >= before),
        );
        const events = end === -1 ? page.found : page.found.slice(0, end);
        // Wait until standard output takes more text, because the exported lines would otherwise collect in memory.
        await io.write(events.map(exported).join(""));
        unverified += events.filter((found) => found.unverified !== undefined).length;
        last = events.at(-1)?.row.seq ?? last;
        next = end === -1 ? page.next : undefined;
      }
      return true;
    })
    .catch((error: unknown) => {
      if (!isPassing(error) || last < from) throw error;
      failure = error as StoreFailure;
      return true;
    });
  if (!isWritten) {
    io.say("The store has no trail yet. The first start of the server creates the trail.\n");
    return noTrail;
  }
  const rest = `To export the events after event ${last}, run \`quater audit export --after ${last}\`.\n`;
  if (failure !== undefined) {
    io.say(`The store failed after event ${last}: ${visible(`${failure.message} (${failure.code})`)}. ${rest}`);
    return interrupted;
  }
  const detail = { by: userInfo().username, from, through: last };
  await parts.trail.record({ events: [{ fields: { type: "audit.exported", detail } }] });
  io.say(last < from ? "The export contains no event.\n" : `Exported events ${from} to ${last}. ${rest}`);
  if (unverified === 0) return 0;
  io.say(
    `${unverified} of these events do not verify and have the mark "unverified". Run \`quater audit verify\` to find out why.\n`,
  );
  return 1;
};

/**
 * Returns the number and hash of the event with the number `seq`.
 *
 * @throws {QuaterError} `invalid_input` when the trail has no such event.
 */
const linkOf = async (store: Reading, seq: number, floor: number): Promise<EventLink | undefined> => {
  if (seq === floor) return undefined;
  const [row] = await readRows(store, queriesOn(store).page("after", seq - 1, 1));
  return row?.seq === seq && seq > floor
    ? { seq, hash: row.hash }
    : invalid("/after", `names event ${seq}, which the trail does not have`);
};

/**
 * Returns the number and hash of the last event before the first event since the time `since`; `undefined` if the trail has no
 * such event.
 */
const linkBefore = async (trail: TrailReader, since: number): Promise<EventLink | undefined> => {
  let link: EventLink | undefined;
  for (let next: number | undefined = Math.max(0, (await beginOf({ since }, trail)) - 1); next !== undefined; ) {
    const page = await pageOf(trail, {}, "after", next);
    const first = page.found.findIndex(({ meta }) => meta !== undefined && meta.at >= since);
    const row = (first === -1 ? page.found.at(-1) : page.found[first - 1])?.row;
    if (row !== undefined) link = { seq: row.seq, hash: row.hash };
    if (first !== -1) return link;
    next = page.next;
  }
  return link;
};

/**
 * Returns an event's row as one line of an export. The exported line contains the unchanged cells of the row, because `audit
 * verify --file` verifies these cells. The mark `unverified` is for people who read the exported file.
 */
const exported = ({ row: { previous: _, malformed: __, ...row }, unverified }: ReadEvent): string =>
  `${JSON.stringify(unverified === undefined ? row : { ...row, unverified: `Event ${row.seq} ${unverified}` })}\n`;
