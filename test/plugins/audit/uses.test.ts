// What `verify` says of approvals that were used: each use needs its filing, its votes and its approval on the trail. The
// events here are written with the keys, because without the keys no such trail can be written at all.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { EventFields } from "../../../plugins/audit/log/event.ts";
import { tempFolder } from "./kit.ts";
import { trailAt, verifyAt } from "./ledger-kit.ts";

const far = 9_000_000_000_000;
const rules = { approvers: [{ role: "finance", need: 2 }] };
const by = (person: string) => ({ credential: "c", issuer: "i", kind: "user", person, subject: person }) as const;

const filed: EventFields = { type: "approval.filed", approvalId: "apr_1", detail: { digest: "d", pendingUntil: far, rules } };
const vote = (person: string, verdict = "approve", roles = ["finance"]): EventFields => ({
  type: "approval.voted",
  approvalId: "apr_1",
  principal: by(person),
  detail: { verdict, roles },
});
const approved: EventFields = { type: "approval.approved", approvalId: "apr_1", detail: { usableUntil: far } };
const used: EventFields = { type: "approval.used", approvalId: "apr_1" };
const denied: EventFields = { type: "approval.denied", approvalId: "apr_1" };
/** After event 5; the gap is empty. */
const restored: EventFields = {
  type: "store.restored",
  detail: { after: { seq: 5, hash: "0".repeat(64) }, missing: { from: 6, through: 5 }, by: "ana", reason: "a test", used: [] },
};
const call: EventFields = { type: "call.refused", callId: "c" };

const cases: readonly (readonly [string, readonly EventFields[], number | undefined])[] = [
  ["in order", [filed, vote("bea"), call, vote("cleo"), approved, used], undefined],
  ["without its filing", [vote("bea"), vote("cleo"), approved, used], 1],
  ["without an approval", [filed, vote("bea"), vote("cleo"), used], 4],
  ["with one vote of two", [filed, vote("bea"), approved, used], 3],
  ["with one person's vote twice", [filed, vote("bea"), vote("bea"), approved, used], 4],
  ["with a vote of another role", [filed, vote("bea"), vote("cleo", "approve", ["audit"]), approved, used], 4],
  ["with a vote against", [filed, vote("bea"), vote("cleo", "deny"), approved, used], 4],
  ["after its denial", [filed, vote("bea"), vote("cleo"), approved, denied, used], 6],
  ["a second time", [filed, vote("bea"), vote("cleo"), approved, used, used], 6],
  ["after its time", [filed, vote("bea"), vote("cleo"), { ...approved, detail: { usableUntil: 1 } }, used], 5],
  ["after a restore", [filed, vote("bea"), vote("cleo"), approved, restored, used], 6],
];

test.each(cases)("S3: audit verify checks the events before the use of an approval, for a use %s", async (_, events, first) => {
  using folder = tempFolder();
  const root = join(folder.root, "trail");
  mkdirSync(root);
  const trail = await trailAt(root);
  for (const fields of events) await trail.ledger.write([{ events: [{ fields }] }]);
  await trail.close();
  const { damage } = await verifyAt(root);
  if (first === undefined) expect(damage).toEqual([]);
  else expect(damage[0]).toMatchObject({ kind: "unproven", seq: first });
});
