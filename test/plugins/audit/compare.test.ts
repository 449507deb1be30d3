// The boot compares the store with the newest lines of a sink, also when somebody appended copies of many old lines.

import { appendFileSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import { Attestor } from "../../../plugins/audit/restore/attestor.ts";
import { sinksOf } from "../../../plugins/audit/sinks/sinks.ts";
import { tempFolder } from "./kit.ts";
import { keyFileIn, type OpenTrail, trailAt } from "./ledger-kit.ts";

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const attestorOf = ({ ledger }: OpenTrail, root: string, sink: string): Attestor => {
  const attestor = new Attestor({
    app: "test",
    keys: new KeyRing(keyFileIn(root)),
    sinks: sinksOf([{ file: sink }], root, false),
    log,
  });
  attestor.genesis = ledger.genesis;
  return attestor;
};

/** Copies a trail and lets the original grow. @returns A line that attests an event which the copy lacks. */
const newestAfterCopy = async (root: string, copy: string): Promise<string> => {
  cpSync(root, copy, { recursive: true });
  const longer = await trailAt(root);
  await longer.checkpoint();
  const newest = await longer.checkpoint(); // attests the event of the checkpoint before
  await longer.close();
  return newest;
};

/** A copy of a trail with `lines` checkpoints, which lacks an event that the line `newest` attests. */
const setBackTrail = async (lines: number) => {
  const folder = tempFolder();
  const trail = await trailAt(folder.root);
  const old: string[] = [];
  for (let n = 0; n < lines; n++) old.push(await trail.checkpoint());
  await trail.close();
  const copy = tempFolder();
  const newest = await newestAfterCopy(folder.root, copy.root);
  return {
    root: copy.root,
    /** The folder of the trail that has the event. */
    original: folder.root,
    old: old.join(""),
    newest,
    [Symbol.dispose]: () => {
      copy[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
};

test("S19: Quater finds the newest line of a sink, even when copies of many old lines follow this line", async () => {
  using copy = await setBackTrail(80);
  const { old, newest } = copy;

  const sink = join(copy.root, "sink.jsonl");
  const setBack = await trailAt(copy.root);
  writeFileSync(sink, old);
  const agree = () => attestorOf(setBack, copy.root, sink).assertAgreement(setBack.store, setBack.ledger);
  await agree();
  for (const copies of [old, [...old].reverse(), Array.from({ length: 10 }, () => old).flat()]) {
    writeFileSync(sink, [...old, newest, ...copies].join(""));
    await expect(agree()).rejects.toThrow("was replaced by an old copy");
  }
  await setBack.close();
});

const megabyte = 1024 * 1024;

/** What somebody may append who cannot sign. */
const appended: Readonly<Record<string, (old: string) => string>> = {
  "copies of an old line": (old) => old.repeat(Math.ceil((17 * megabyte) / old.length)),
  "one line without an end": () => "x".repeat(17 * megabyte),
  "one long line": () => `${"x".repeat(17 * megabyte)}\n`,
  "empty lines": () => "\n".repeat(17 * megabyte),
};

test.each(Object.entries(appended))(
  "S19: boot finds the newest line of a sink, even when 17 MiB of %s follow this line",
  async (_, more) => {
    using copy = await setBackTrail(1);
    const { old, newest } = copy;

    const sink = join(copy.root, "sink.jsonl");
    const setBack = await trailAt(copy.root);
    const agree = () => attestorOf(setBack, copy.root, sink).assertAgreement(setBack.store, setBack.ledger);
    writeFileSync(sink, old + more(old));
    await agree();
    writeFileSync(sink, old + newest + more(old));
    await expect(agree()).rejects.toThrow("was replaced by an old copy");
    await setBack.close();
  },
);

test.each(Object.entries(appended))(
  "S19: a running instance finds a new line of a sink, even when 17 MiB of %s precede this line",
  async (_, more) => {
    using copy = await setBackTrail(1);
    const { old, newest } = copy;

    const sink = join(copy.root, "sink.jsonl");
    const setBack = await trailAt(copy.root);
    writeFileSync(sink, old);
    const attestor = attestorOf(setBack, copy.root, sink);
    await attestor.assertAgreement(setBack.store, setBack.ledger);
    // Quater begins each line with the end of the line before.
    appendFileSync(sink, `${more(old)}\n${newest}${more(old)}`);
    await expect(attestor.assertAdded(setBack.store, setBack.ledger)).rejects.toThrow("was replaced by an old copy");
    await setBack.close();
  },
);

test("S19: an instance that reconnects to an older store compares the store with the sink lines that the instance has read before", async () => {
  using copy = await setBackTrail(1);
  const { old, newest } = copy;

  const [whole, setBack] = [await trailAt(copy.original), await trailAt(copy.root)];
  for (const isAddedLater of [false, true]) {
    const sink = join(copy.original, `sink-${isAddedLater}.jsonl`);
    writeFileSync(sink, isAddedLater ? old : old + newest);
    const attestor = attestorOf(whole, copy.original, sink);
    await attestor.assertAgreement(whole.store, whole.ledger);
    if (isAddedLater) appendFileSync(sink, newest);
    await attestor.assertAdded(whole.store, whole.ledger);
    appendFileSync(sink, old.repeat(Math.ceil((2 * megabyte) / old.length)));
    await expect(attestor.assertStillAgreed(setBack.store, setBack.ledger)).rejects.toThrow("was replaced by an old copy");
  }
  await whole.close();
  await setBack.close();
});
