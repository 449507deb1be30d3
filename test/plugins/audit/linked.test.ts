// The index of approval events that a process keeps, while several of its calls read at once.

import { join } from "node:path";
import { storeRef } from "quater/store";
import { expect, test } from "vitest";
import { KeyRing } from "../../../plugins/audit/log/key-ring.ts";
import { LinkedEvents } from "../../../plugins/audit/log/linked.ts";
import { queriesOn } from "../../../plugins/audit/log/queries.ts";
import { type HeadRow, newestLinked } from "../../../plugins/audit/log/tables.ts";
import { bootDesk, codeOf, people } from "../approval/kit.ts";
import { tempFolder } from "./kit.ts";

const { robot } = people;

test("S3: a transaction that decides an approval request has read all events of the request", async () => {
  using folder = tempFolder();
  const desk = await bootDesk({ root: folder.root });
  const store = await desk.app.services.get(storeRef).open();
  const keys = new KeyRing(join(folder.root, ".quater/trail-keys.json"));
  const queries = queriesOn(store);
  const headNow = async () => (await store.read<HeadRow>(queries.head))[0] as HeadRow;
  const oldest = await desk.approved(robot, { cents: 1 });
  for (let n = 0; n < 80; n++) await desk.approved(robot, { cents: 100 + n });
  const id = await desk.approved(robot, { cents: 2 });
  const oldHead = await headNow();
  const index = new LinkedEvents(queries, keys, newestLinked(oldHead));
  expect(await index.reach(store, oldHead, id)).toMatchObject({ state: "approved" });
  expect(codeOf(await desk.call(robot, { cents: 2 }))).toBe("ok");

  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow: typeof store = {
    ...store,
    read: async (query) => {
      const rows = await store.read(query);
      await held;
      return rows as never;
    },
  };
  const deciding = index.catchUp(slow, await headNow(), true);
  await index.reach(store, oldHead, oldest);
  release();
  await deciding;
  expect(index.standing(id)).toMatchObject({ state: "ended", endedBy: "approval.used" });
  await desk.app.stop();
});
