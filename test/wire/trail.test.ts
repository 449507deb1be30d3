// What the trail and its sink say, field by field. trail.json is the promise to everybody who reads a trail.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventsIn } from "../plugins/audit/kit.ts";
import { approvalIn, bootWire, pinned } from "./wire-kit.ts";

test("the events and sink lines of a new trail still equal the events and sink lines in test/wire/trail.json", async () => {
  await using wire = await bootWire();
  const post = async (path: string, body: object, token = "ana") => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    return (await fetch(wire.baseUrl + path, { method: "POST", headers, body: JSON.stringify(body) })).text();
  };
  await post("/failures", { how: "conflict" });
  await post("/failures", { how: 1 });
  await post("/failures", { how: "conflict" }, "wrong");
  await post("/failures", { how: "conflict" }, "dan");
  const payment = { to: "bo", cents: 5 };
  const id = approvalIn(await post("/payments", payment));
  await wire.approve(id);
  await post("/payments", payment);
  const denied = approvalIn(await post("/payments", { to: "cy", cents: 6 }));
  await wire.approve(denied, "deny");
  await wire.app.stop();

  const events = eventsIn(wire.root).map(({ meta, body, row }) => ({ columns: Object.keys(row), meta, body }));
  const sink = readFileSync(join(wire.root, "sink.jsonl"), "utf8").split("\n").filter(Boolean);
  const lines = sink.map((line) => JSON.parse(line) as unknown);
  await expect(pinned({ events, sink: lines })).toMatchFileSnapshot("trail.json");
});
