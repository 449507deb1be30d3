// Runs a verification of the trail: reads pages of rows from a source and passes the pages to a Verifier. While the Verifier
// checks a page, the source reads the next page.

import { closeSync, openSync } from "node:fs";
import { visible } from "../../../core/diagnostics/text.ts";
import { noBody } from "../log/chain.ts";
import type { EventLink } from "../log/event.ts";
import { readKeys } from "../log/keys.ts";
import { exportedRow, type ReadRow } from "../log/rows.ts";
import type { HeadRow } from "../log/tables.ts";
import { exitOf, type Gap, type Report } from "./damage.ts";
import { heldFile, heldIn } from "./held-lines.ts";
import { linesOf, pageSize, type Source } from "./source.ts";
import { Verifier } from "./verify.ts";
import { trusted } from "./verify-keys.ts";

export interface VerifyOptions {
  readonly keyFile: string;
  /**
   * The fingerprint of the checkpoint key whose signatures the verification accepts. Default: the fingerprint of the key file's
   * current checkpoint key.
   */
  readonly fingerprint?: string | undefined;
  /** The number of the event from which to verify. The verification assumes that earlier events are right. */
  readonly from?: number | undefined;
  /** The paths of files with signed lines outside the store: sink files, and copies of sink files. */
  readonly against?: readonly string[];
}

/**
 * Verifies a trail.
 *
 * @returns The report; `undefined` when the source has no trail.
 * @throws when Quater cannot read the source or a file in `against`.
 */
export const verifySource = async (source: Source, options: VerifyOptions): Promise<Report | undefined> => {
  // Open each file first, so that Quater reports an unreadable file before the long verification.
  for (const file of options.against ?? []) closeSync(openSync(file, "r"));
  const held = (options.against ?? []).map(heldFile);
  let head = await source.head();
  const [first] = head === undefined ? await source.after(0) : [];
  if (head === undefined && first === undefined) return undefined;
  const keys = readKeys(options.keyFile);
  const fingerprint = options.fingerprint ?? keys.checkpoint.fingerprint;
  if (head === undefined) return headless(first?.seq ?? 0, fingerprint);
  const begin = options.from === undefined ? source.begin : await beginAt(source, options.from);
  const verifier = new Verifier({
    keys,
    fingerprint,
    head,
    held: heldIn(held, trusted(keys, fingerprint)),
    ...(begin === undefined ? {} : { after: begin }),
  });
  // `read` is the event number up to which rows were read. `verifier.seq` is not enough, because rows behind the end of the trail
  // do not change `verifier.seq`. With `verifier.seq`, this loop would read such rows again forever.
  let read = verifier.seq;
  let page = source.after(read);
  for (;;) {
    const rows = await page;
    const last = rows.at(-1);
    if (last === undefined) {
      if (verifier.isComplete) break;
      // Either the trail is cut, or another process has added events after Quater read the head. The trail is cut only if the
      // head does not move any more.
      const again = await source.head();
      const more = await source.after(read);
      if (again === undefined || (more.length === 0 && again.seq === head.seq)) break;
      if (more.length === 0 && again.seq !== head.seq) {
        verifier.moveHead(again);
        head = again;
        break;
      }
    }
    if (last !== undefined && last.seq > head.seq) {
      const moved = await source.head(); // The head moves together with the rows, so this head is at least as new as the rows.
      if (moved !== undefined && moved.seq > head.seq) {
        verifier.moveHead(moved);
        head = moved;
      }
    }
    // JavaScript rounds a number above 2^53, so this loop would read the same page again forever. Quater reads a row with such a
    // number once, as an orphan.
    const isRepeated = last !== undefined && last.seq <= read;
    if (isRepeated) break;
    read = last === undefined ? read : last.seq;
    page = source.after(read);
    await turn(); // Let the next query start now. Another thread answers this query while these rows are checked.
    for (const row of rows) verifier.read(row);
  }
  const from = begin?.seq ?? head.floor_seq;
  verifier.stray((await source.strays?.(head.floor_seq)) ?? []);
  if (source.count !== undefined) verifier.counted(await source.count(from, verifier.seq));
  if (source.instances !== undefined) verifier.registered(await source.instances());
  const late = verifier.ended();
  if (late.length > 0 && source.hashes !== undefined) verifier.lookedUp(await source.hashes(late.map(({ seq }) => seq)));
  const report = verifier.finish();
  return begin === undefined ? report : { ...report, after: begin.seq };
};

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

const beginAt = async (source: Source, from: number): Promise<{ seq: number; hash: string }> => {
  const [row] = await source.after(from - 2);
  if (row?.seq !== from - 1) throw new Error(`The trail has no event ${from - 1}, so verification cannot begin at event ${from}`);
  return { seq: row.seq, hash: row.hash };
};

const headless = (first: number, fingerprint: string): Report => ({
  isWhole: false,
  gaps: [],
  events: 0,
  first,
  last: 0,
  checkpoints: 0,
  compared: 0,
  erasedBodies: 0,
  prunedEvents: 0,
  fingerprint,
  damage: [{ kind: "truncated", what: "The record of the trail's end (audit_head) is missing" }],
  damageCount: 1,
  heldElsewhere: 0,
});

/** The first line of an export. */
export interface ExportHeader {
  readonly type: "quater.trail.v1";
  readonly head: HeadRow;
  readonly fingerprint: string;
  /** The event after which the export begins; absent if the export starts at the beginning of the trail. */
  readonly after?: EventLink;
}

/** The fields that are missing in the head of an export of format 1. */
const ofFormat1 = { format: 1, approval_seq: 0, approval_hash: noBody } as const;

/**
 * Makes a source of an exported file. The source reads the exported file once, from beginning to end. @throws for a file that is
 * not an export.
 */
export const fileSource = (path: string): Source => {
  const lines = linesOf(path);
  const first = lines.next();
  const header = first.done === true ? undefined : (JSON.parse(first.value) as ExportHeader);
  if (header?.type !== "quater.trail.v1") throw new Error(`${path} is not a trail that \`quater audit export\` wrote`);
  return {
    begin: header.after,
    head: async () => ({ ...ofFormat1, ...header.head }),
    after: async () => {
      const rows: ReadRow[] = [];
      while (rows.length < pageSize) {
        const { value, done } = lines.next();
        if (done === true) break;
        rows.push(exportedRow(value));
      }
      return rows;
    },
  };
};

/** Returns sentences that describe the report of a verification. */
export const summaryOf = (report: Report, isCompared: boolean): string => {
  const { events, first, last, checkpoints, compared, erasedBodies, prunedEvents, damage, damageCount, fingerprint } = report;
  const found = damage.map(({ kind, what }) => `${kind}: ${what}\n`).join("");
  const more = damageCount > damage.length ? `... and ${damageCount - damage.length} more\n` : "";
  const range = events === 0 ? "no events" : `${events} events, ${first} to ${last}`;
  const facts = [
    `${checkpoints} checkpoints signed by ${fingerprint}`,
    ...(compared === 0 ? [] : [`${compared} signed lines outside of the store compared`]),
    ...(erasedBodies === 0 ? [] : [`${erasedBodies} bodies erased with a record`]),
    ...(prunedEvents === 0 ? [] : [`${prunedEvents} events pruned with a record`]),
  ].join(", ");
  const sinks = report.sinks ?? [];
  const problems = sinks.map(({ what }) => `sink: ${visible(what)}\n`).join("");
  const verdicts = {
    0: `The trail is whole: ${range}, ${facts}.\n`,
    1: `The trail is damaged. Read: ${range}, ${facts}.\n`,
    4: `All other events verify: ${range}, ${facts}.\n`,
    3: `The trail in the store is whole, but the sinks do not confirm the trail. Read: ${range}, ${facts}.\n`,
  };
  const verdict = `${problems}${verdicts[exitOf(report)]}`;
  const part =
    report.after === undefined ? "" : `The verification begins after event ${report.after}. Earlier events were not verified.\n`;
  const worth = isCompared
    ? ""
    : "The trail was not compared with anything outside of the store. So this check cannot find an old copy of the store, or changes by somebody who has the keys. Configure sinks, or use --against.\n";
  return `${found}${more}${report.gaps.map(gapText).join("")}${verdict}${part}${worth}`;
};

const gapText = ({ from, through, at, reason }: Gap): string => {
  const lost =
    through < from
      ? `an unknown number of events after event ${from - 1} were lost`
      : `${through - from + 1} events, ${from} to ${through}, were lost`;
  return `The trail has a gap: ${lost} in a restore that was acknowledged on ${new Date(at).toISOString()} (${visible(reason)}).\n`;
};
