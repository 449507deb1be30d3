// S18, S19: a use of an approval that a restore lost is still told when the same call is asked for again: a sink attests it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { readKeys } from "../../../plugins/audit/log/keys.ts";
import { signedLine, type UsedLine } from "../../../plugins/audit/restore/attestation.ts";
import type { ProjectDesk } from "./desk-kit.ts";
import { onBothStores } from "./stores-kit.ts";

const restored = (desk: ProjectDesk) => desk.run(["store", "restored", "--reason", "disk of db1 failed"]);

const usedLines = (desk: ProjectDesk): readonly string[] =>
  readFileSync(desk.sinkFile, "utf8")
    .split("\n")
    .filter((line) => line.includes('"approval.used"'));

/** Begins the trail. Returns a dump without any request. */
const begun = async (desk: ProjectDesk): Promise<string> => {
  await desk.run(["run", "note", "--to", "Olga", "--cents", "1"]);
  return desk.dump();
};

/** Files, approves and runs. */
const paid = async (desk: ProjectDesk, to: string, cents: number): Promise<void> => {
  await desk.approve(await desk.file(to, cents));
  expect((await desk.pay(to, cents)).code).toBe(0);
};

/** Writes the lines of uses as older versions of Quater did: without tags. */
const asOlderVersion = (desk: ProjectDesk): void => {
  const { checkpoint } = readKeys(join(desk.folder, ".quater/trail-keys.json"));
  const older = (line: string): string => {
    if (!line.includes('"approval.used"')) return line;
    const left = new Set(["type", "signature", "handler", "schema", "person", "like"]);
    const fields = Object.fromEntries(Object.entries(JSON.parse(line) as object).filter(([name]) => !left.has(name)));
    return signedLine("approval.used", fields as unknown as UsedLine, checkpoint.privateKey).trimEnd();
  };
  writeFileSync(desk.sinkFile, readFileSync(desk.sinkFile, "utf8").split("\n").map(older).join("\n"));
};

const attested =
  /It is not known whether this call ran before: a sink proves that a similar call ran, at \S+ \(call (\S+)\), but a restore/;

onBothStores((claim) => {
  claim("S19: a repeated call shows an earlier use that a restore lost and a sink attests", async (make) => {
    using desk = make();
    const dump = await begun(desk);
    await paid(desk, "Olga", 7);
    const [line = ""] = usedLines(desk);
    const { callId, handler, schema, person, like } = JSON.parse(line) as Record<string, string>;
    expect({ handler, schema, person, like }).toEqual({
      handler: "pay",
      schema: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      person: expect.stringMatching(/^hmac:tag-[0-9a-f]{6}:[0-9a-f]{64}$/) as string,
      like: expect.stringMatching(/^like2:hmac:tag-[0-9a-f]{6}:[0-9a-f]{64}$/) as string,
    });
    expect(line).not.toMatch(/Olga|ana/);
    await desk.restore(dump);
    expect((await restored(desk)).code).toBe(0);

    const again = await desk.pay("Olga", 7);
    expect(attested.exec(again.err)?.[1]).toBe(callId);
    expect((await desk.pay("Olga ", 7)).err).toMatch(attested);
    for (const [to, cents] of [
      ["Olga", 8],
      ["Igor", 7],
    ] as const)
      expect((await desk.pay(to, cents)).err).not.toContain("ran before");
    // A second restore loses the record of the first, and not the line in the sink.
    await desk.restore(dump);
    expect((await restored(desk)).code).toBe(0);
    expect((await desk.pay("Olga", 7)).err).toMatch(attested);
    await paid(desk, "Olga", 7);
    expect((await desk.pay("Olga", 7)).err).toMatch(/An identical call ran before, at \S+ and succeeded/);
  });

  claim(
    "S19: a call whose approval request was open in a restored backup counts as run with an unknown outcome",
    async (make) => {
      using desk = make();
      const id = await desk.file("Olga", 7);
      await desk.approve(id);
      const dump = await desk.dump();
      expect((await desk.pay("Olga", 7)).code).toBe(0);
      asOlderVersion(desk);
      await desk.restore(dump);
      expect((await restored(desk)).code).toBe(0);
      const ranBefore = new RegExp(
        `An identical call ran before, at \\S+ and its outcome is unknown \\(call \\S+ approval ${id}\\)`,
      );
      expect((await desk.pay("Olga", 7)).err).toMatch(ranBefore);
      expect((await desk.pay("Olga", 8)).err).not.toContain("ran before");
      const prefix = desk.url === undefined ? "" : "quater.";
      await desk.sql(`delete from ${prefix}approval_request where id = '${id}'`);
      expect((await desk.pay("Olga", 7)).err).toMatch(attested);
    },
  );

  claim(
    "S19: after a lost use whose sink line has no keyed digests, every comparison has the match cannot_tell",
    async (make) => {
      using desk = make();
      const dump = await begun(desk);
      await paid(desk, "Olga", 7);
      asOlderVersion(desk);
      expect((await desk.run(["audit", "verify"])).code).toBe(0);
      await desk.restore(dump);
      expect((await restored(desk)).code).toBe(0);
      const uncertain =
        "It is not known whether this call ran before: a restore lost the record of a call, and the sink does not show which call";
      expect((await desk.pay("Olga", 7)).err).toContain(uncertain);
      expect((await desk.pay("Igor", 8)).err).toContain(uncertain);
    },
  );
});
