// The use of an approval reaches the sinks before the handler runs, and sinks are read from their end.

import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { authenticated, handler, Type } from "quater";
import { expect, test } from "vitest";
import { linesFromEnd } from "../../../plugins/audit/restore/tail.ts";
import { sinksOf } from "../../../plugins/audit/sinks/sinks.ts";
import { codeOf, onBothDialects, people } from "../approval/kit.ts";
import { tempFolder } from "./kit.ts";

const usesIn = (file: string) =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line.includes('"approval.used"'))
        .map((line) => JSON.parse(line) as { approvalId: string; callId: string; seq: number; hash: string; signature: string })
    : [];

/** Counts its calls, and what the sink held when it ran. */
const countingHandler = (sink: string) => {
  const held: number[] = [];
  const spend = handler({
    description: "Spend.",
    effect: "write",
    input: Type.Object({ n: Type.Integer() }),
    auth: authenticated,
    handle: ({ n }) => {
      held.push(usesIn(sink).length);
      return n;
    },
  });
  return { spend, held };
};

onBothDialects((claim) => {
  claim("S19: the sink has the line of an approval's use before the handler runs", async ({ boot, root }) => {
    const sink = join(root, "sink.jsonl");
    const { spend, held } = countingHandler(sink);
    const desk = await boot({ handlers: { spend }, audit: { sinks: [{ file: sink }] } });
    const id = await desk.approved(people.robot, { n: 1 }, { handler: "spend" });
    const outcome = await desk.call(people.robot, { n: 1 }, { handler: "spend" });
    expect([codeOf(outcome), held]).toEqual(["ok", [1]]);
    const [used] = usesIn(sink);
    expect(used).toMatchObject({ approvalId: id, callId: outcome.callId });
    const [row] = await desk.sql("select seq, hash from audit_event where type = 'approval.used'");
    expect(row).toEqual({ seq: used?.seq, hash: used?.hash });
  });

  claim(
    "S19: calls that use approvals at the same time share one write to the sink, and each call waits for its sink line",
    async ({ boot, root }) => {
      const sink = join(root, "sink.jsonl");
      const { spend, held } = countingHandler(sink);
      const desk = await boot({ handlers: { spend }, audit: { sinks: [{ file: sink }] } });
      const all = Array.from({ length: 12 }, (_, n) => n);
      for (const n of all) await desk.approved(people.robot, { n }, { handler: "spend" });
      const outcomes = await Promise.all(all.map((n) => desk.call(people.robot, { n }, { handler: "spend" })));
      expect(outcomes.map(codeOf)).toEqual(all.map(() => "ok"));
      expect(usesIn(sink)).toHaveLength(12);
      for (const [ran, count] of held.entries()) expect(count).toBeGreaterThan(ran);
    },
  );

  claim(
    "S19: Quater refuses a call when the sink accepts no line, and the approval of the next call stays unused",
    async ({ boot, root }) => {
      const sink = join(root, "sink.jsonl");
      const { spend, held } = countingHandler(sink);
      const desk = await boot({ handlers: { spend }, audit: { sinks: [{ file: sink }] } });
      const first = await desk.approved(people.robot, { n: 1 }, { handler: "spend" });
      const second = await desk.approved(people.robot, { n: 2 }, { handler: "spend" });
      if (existsSync(sink)) renameSync(sink, `${sink}.held`);
      symlinkSync("/dev/full", sink); // it can be read, and takes no lines
      const call = (n: number) => desk.call(people.robot, { n }, { handler: "spend" });
      expect(codeOf(await call(1))).toBe("audit_unavailable");
      expect(codeOf(await call(2))).toBe("audit_unavailable");
      expect(held).toEqual([]);
      expect((await desk.record(first)).state).toBe("consumed");
      expect((await desk.record(second)).state).toBe("approved");
      rmSync(sink);
      if (existsSync(`${sink}.held`)) renameSync(`${sink}.held`, sink);
      expect(codeOf(await call(2))).toBe("ok");
      // The end of the first call was queued before the events of the second, so it stands in the trail by now.
      const ended = (await desk.events(first)).filter(({ type }) => type === "call.ended");
      expect(ended).toMatchObject([{ outcome: "refused", errorCode: "audit_unavailable" }]);
      // The line that was owed comes first.
      expect(usesIn(sink).map(({ approvalId }) => approvalId)).toEqual([first, second]);
    },
  );
});

test("S19: Quater reads the last lines of a large sink first", async () => {
  using folder = tempFolder();
  const path = join(folder.root, "sink.jsonl");
  writeFileSync(path, "");
  const file = openSync(path, "r+");
  // A hole of 4 GB: reading all of it would take minutes.
  writeSync(file, '\nfirst ä\nsecond "ö"\nlast', 4 * 1024 ** 3);
  closeSync(file);
  const groups = linesFromEnd(path);
  expect((await groups.next()).value).toEqual(["last", 'second "ö"', "first ä"]);
  await groups.return(undefined);
});

test("S19: Quater reads sink lines of every length up to 1 MiB from the end of the file, and omits longer lines", async () => {
  using folder = tempFolder();
  const path = join(folder.root, "sink.jsonl");
  const short = Array.from({ length: 300 }, (_, n) => `${n} ${"ä€".repeat((n * 37) % 900)}`);
  const expected = [...short, "x".repeat(200_000), "after a long one"];
  writeFileSync(path, `${"x".repeat(2_000_000)}\n${expected.join("\n")}\n\n${"x".repeat(2_000_000)}\n\nlast`);
  const lines: string[] = [];
  for await (const group of linesFromEnd(path)) lines.push(...group);
  expect(lines.reverse()).toEqual([...expected, "last"]);
});

test("S19: each write to a sink begins with a line break, because another program may have written a part of a line", async () => {
  using folder = tempFolder();
  const path = join(folder.root, "sink.jsonl");
  const [sink] = sinksOf([{ file: path }], folder.root, false);
  sink?.send("");
  expect(readFileSync(path, "utf8")).toBe("");
  await sink?.append('{"n":1}\n{"n":2}\n');
  sink?.send('{"n":3}\n');
  appendFileSync(path, "x");
  await sink?.append('{"n":4}\n');
  appendFileSync(path, "x");
  sink?.send('{"n":5}\n');
  expect(readFileSync(path, "utf8")).toBe('\n{"n":1}\n{"n":2}\n\n{"n":3}\nx\n{"n":4}\nx\n{"n":5}\n');
});
