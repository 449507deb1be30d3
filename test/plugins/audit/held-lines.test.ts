// `audit verify` compares all signed lines of a sink, not only checkpoints: a store that was set back between two checkpoints
// is not whole.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { storeRef } from "quater/store";
import { expect } from "vitest";
import { exitOf } from "../../../plugins/audit/verify/damage.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { codeOf, type Desk, type OnDialect, onBothDialects, people } from "../approval/kit.ts";
import { copyOf, putBack } from "./copy-kit.ts";

const { robot } = people;

const sinkOf = ({ root }: OnDialect) => join(root, "sink.jsonl");
const audited = (on: OnDialect) => ({ audit: { sinks: [{ file: sinkOf(on) }], leaseMs: 600_000 } });
const linesOf = (on: OnDialect) => readFileSync(sinkOf(on), "utf8").split("\n").filter(Boolean);

const verified = async (desk: Desk, on: OnDialect) => {
  const store = await desk.app.services.get(storeRef).open();
  const report = await verifySource(storeSource(store), {
    keyFile: join(on.root, ".quater/trail-keys.json"),
    against: [sinkOf(on)],
  });
  if (report === undefined) throw new Error("There is no trail");
  return { exit: exitOf(report), damage: report.damage, compared: report.compared };
};

onBothDialects((claim) => {
  claim(
    "S19: audit verify finds that an older copy replaced the store between two checkpoints, because a sink has the line of a used approval",
    async (on) => {
      await (await on.boot(audited(on))).app.stop(); // a checkpoint reaches the sink
      const desk = await on.again(audited(on));
      await desk.approved(robot);
      const copy = await copyOf(desk);
      expect(codeOf(await desk.call(robot))).toBe("ok");
      expect(await verified(desk, on)).toMatchObject({ exit: 0, damage: [], compared: linesOf(on).length });
      const { seq } = JSON.parse(linesOf(on).at(-1) ?? "") as { seq: number };
      await putBack(desk, on, copy);
      expect(await verified(desk, on)).toMatchObject({
        exit: 3,
        damage: [
          {
            kind: "truncated",
            heldElsewhere: true,
            what: `The record of a used approval outside of the store proves event ${seq}, but the trail ends at event ${seq - 1}`,
          },
        ],
      });
    },
  );

  claim("S19: audit verify finds sink lines that follow many lines with higher numbers", async (on) => {
    const desk = await on.boot(audited(on));
    await desk.approved(robot);
    const copy = await copyOf(desk);
    expect(codeOf(await desk.call(robot))).toBe("ok");
    const used = linesOf(on).at(-1) ?? "";
    await putBack(desk, on, copy);
    // Another instance that knows nothing of the use goes on, with a sink of its own.
    const own = { audit: { sinks: [{ file: join(on.root, "other.jsonl") }], leaseMs: 600_000 } };
    writeFileSync(join(on.root, "other.jsonl"), "");
    const other = await on.again(own);
    for (let cents = 0; cents < 70; cents++) {
      await other.approved(robot, { cents: 100 + cents });
      expect(codeOf(await other.call(robot, { cents: 100 + cents }))).toBe("ok");
    }
    const lines = readFileSync(join(on.root, "other.jsonl"), "utf8");
    writeFileSync(sinkOf(on), `${lines}${used}\n`);
    const { seq } = JSON.parse(used) as { seq: number };
    expect(await verified(other, on)).toMatchObject({
      exit: 3,
      damage: [
        {
          kind: "forked",
          seq,
          what: `The record of a used approval outside of the store proves another event ${seq} than the trail has`,
        },
      ],
    });
    writeFileSync(sinkOf(on), `${lines}${lines.split("\n")[0]}\n`);
    expect(await verified(other, on)).toMatchObject({ exit: 0, damage: [] });
  });

  claim("S19: audit verify reports a sink line about a used approval without a signature by a key of the project", async (on) => {
    const desk = await on.boot(audited(on));
    await desk.approved(robot);
    expect(codeOf(await desk.call(robot))).toBe("ok");
    const line = JSON.parse(linesOf(on).at(-1) ?? "") as { seq: number };
    writeFileSync(sinkOf(on), `${JSON.stringify({ ...line, seq: line.seq + 1 })}\n`);
    expect(await verified(desk, on)).toMatchObject({ exit: 3, damage: [{ kind: "unsigned", seq: line.seq + 1 }] });
  });
});
