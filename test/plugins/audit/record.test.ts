import { principal } from "quater/testing";
import { expect, test } from "vitest";
import { bootWithTrail, change, eventsIn, look, tempFolder } from "./kit.ts";

test("a write has its start and its end, a read one event", async () => {
  using folder = tempFolder();
  const app = await bootWithTrail({ root: folder.root, handlers: { change: change(), look: look() } });
  const wrote = await app.as(principal()).call("change", { id: "a" });
  expect(wrote).toMatchObject({ ok: true });
  await app.as(principal()).call("look", { id: "a" });
  await app.stop();
  const events = eventsIn(folder.root);
  console.log(events.map(({ row }) => [row.meta, row.body]));
  console.log(app.log);
  expect(events.map(({ meta }) => meta.type)).toEqual([
    "runtime.started",
    "call.started",
    "call.ended",
    "call.ended",
    "runtime.stopped",
    "audit.checkpoint",
  ]);
});
