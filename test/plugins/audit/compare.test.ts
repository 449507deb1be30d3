// The boot compares the store with the newest lines of a sink, also when somebody appended copies of many old lines.

import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { assertSinksAgree } from "../../../plugins/audit/restore/compare.ts";
import { tempFolder } from "./kit.ts";
import { type OpenTrail, trailAt } from "./ledger-kit.ts";

const agree = ({ store, keys, ledger }: OpenTrail, file: string, stays: boolean) =>
  assertSinksAgree({ store, keys, genesis: ledger.genesis, files: [file], isBoot: true, stays, warn: () => undefined });

/** Copies a trail and lets the original grow. @returns A line that attests an event which the copy lacks. */
const newestAfterCopy = async (root: string, copy: string): Promise<string> => {
  cpSync(root, copy, { recursive: true });
  const longer = await trailAt(root);
  await longer.checkpoint();
  const newest = await longer.checkpoint(); // attests the event of the checkpoint before
  await longer.close();
  return newest;
};

test("S19: copies of many different old lines at the end of a sink hide no newer line", async () => {
  using folder = tempFolder();
  const trail = await trailAt(folder.root);
  const old: string[] = [];
  for (let n = 0; n < 80; n++) old.push(await trail.checkpoint());
  await trail.close();
  using copy = tempFolder();
  const newest = await newestAfterCopy(folder.root, copy.root);

  const sink = join(copy.root, "sink.jsonl");
  const setBack = await trailAt(copy.root);
  writeFileSync(sink, old.join(""));
  await agree(setBack, sink, true);
  for (const stays of [true, false]) {
    for (const copies of [old, [...old].reverse(), Array.from({ length: 10 }, () => old).flat()]) {
      writeFileSync(sink, [...old, newest, ...copies].join(""));
      await expect(agree(setBack, sink, stays)).rejects.toThrow("was set back");
    }
  }
  await setBack.close();
});

test("S19: a server reads 16 MiB of a sink's end when it starts, and a command 1 MiB", async () => {
  using folder = tempFolder();
  const trail = await trailAt(folder.root);
  const old = await trail.checkpoint();
  await trail.close();
  using copy = tempFolder();
  const newest = await newestAfterCopy(folder.root, copy.root);

  const sink = join(copy.root, "sink.jsonl");
  const setBack = await trailAt(copy.root);
  writeFileSync(sink, old + newest + old.repeat(Math.ceil((2 * 1024 ** 2) / old.length)));
  await expect(agree(setBack, sink, true)).rejects.toThrow("was set back");
  await agree(setBack, sink, false);
  await setBack.close();
});
