// O2: during a rotation an instance may meet events whose key is not in its own copy of the key file yet. The instance answers
// that it cannot tell now. The instance does not void genuine requests, and does not treat the trail as damaged.

import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { authenticated, handler, Type } from "quater";
import { expect } from "vitest";
import { activateKeys, prepareKeys } from "../../../plugins/audit/log/keys.ts";
import { isFenced } from "../audit/copy-kit.ts";
import { codeOf, type OnDialect, onBothDialects, pay, people } from "./kit.ts";

const { robot, ana, bea } = people;
const note = handler({ description: "Note.", effect: "write", input: Type.Object({}), auth: authenticated, handle: () => 1 });
const handlers = { pay, note };
const expose = { pay: { direct: true, approval: "finance" }, note: { direct: true } };

/**
 * Three instances on one store: `behind` has the old keys alone, `ahead` writes with the new ones, and `between` has both and writes
 * with the old ones. `between` writes last, so the head of the trail names an old key.
 */
const rotating = async ({ root, boot }: OnDialect, write: (ahead: Awaited<ReturnType<typeof boot>>) => Promise<string>) => {
  const file = (name: string) => join(root, `${name}.json`);
  const start = (name: string) => boot({ handlers, expose, audit: { keys: file(name) } });
  const behind = await start("behind");
  const earlier = await behind.file(ana, { cents: 1 });
  copyFileSync(file("behind"), file("between"));
  prepareKeys(file("between"));
  copyFileSync(file("between"), file("ahead"));
  activateKeys(file("ahead"));
  const ahead = await start("ahead");
  const between = await start("between");
  const id = await write(ahead);
  expect(codeOf(await between.call(ana, {}, { handler: "note" }))).toBe("ok");
  const distribute = () => {
    copyFileSync(file("between"), file("copy"));
    renameSync(file("copy"), file("behind"));
  };
  return { behind, ahead, id, earlier, distribute };
};

const stateOf = async (desk: Awaited<ReturnType<OnDialect["boot"]>>, id: string) =>
  (await desk.sql("select state from approval_request where id = ?", id))[0];

onBothDialects((claim) => {
  claim(
    "O2: a vote on a request that was filed with a newer trail key gets 503 until the key file contains the key",
    async (on) => {
      const { behind, ahead, id, earlier, distribute } = await rotating(on, (desk) => desk.file(robot));
      await expect(behind.vote(bea, id)).rejects.toMatchObject({ code: "audit_unavailable" });
      await expect(behind.vote(bea, earlier)).rejects.toMatchObject({ code: "audit_unavailable" });
      expect(await stateOf(ahead, id)).toEqual({ state: "pending" });
      expect([isFenced(behind), isFenced(ahead)]).toEqual([false, false]);
      distribute();
      await behind.vote(bea, id);
      await behind.vote(bea, earlier);
      expect(codeOf(await ahead.call(robot))).toBe("ok");
    },
  );

  claim("O2: Quater refuses a vote when another instance starts to use a newer trail key, and is not fenced", async (on) => {
    const { behind, ahead, id, earlier, distribute } = await rotating(on, (desk) => desk.approved(robot));
    // The request that `behind` filed itself is known to it. The event that it cannot verify was written after that.
    await expect(behind.vote(bea, earlier)).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(isFenced(behind)).toBe(false);
    expect(await stateOf(ahead, id)).toEqual({ state: "approved" });
    distribute();
    await behind.vote(bea, earlier);
    expect(codeOf(await behind.call(robot))).toBe("ok");
  });
});
