// An entry of thousands of events, as `quater store restored` writes it when thousands of requests are open.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootDesk, people } from "../approval/kit.ts";
import { quater } from "../cli/kit.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { tempFolder } from "./kit.ts";
import { trailAt, verifyAt } from "./ledger-kit.ts";

let postgres: TestPostgres | string;
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});

/** Open at the restore. Verification allows 2,065 events without a checkpoint. */
const requests = 2_200;

describe.each(["sqlite", "postgres"] as const)("audit() works with a store on %s", (dialect) => {
  test("S19: Quater writes all events of a transaction, even more than the parameters of one SQL statement allow", {
    timeout: 60_000,
  }, async (context) => {
    if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
    const given = { url: dialect === "postgres" ? await (postgres as TestPostgres).freshUrl() : undefined };
    using folder = tempFolder();
    const trail = await trailAt(folder.root, given);
    const events = Array.from({ length: 8_000 }, (_, n) => ({ fields: { type: "runtime.started" as const, detail: { n } } }));
    const [receipt] = await trail.ledger.write([{ events }]);
    expect(receipt).toMatchObject({ seq: 1 });
    expect(trail.ledger.head.seq).toBe(events.length);
    await trail.close();
    expect(await verifyAt(folder.root, [], given)).toMatchObject({ events: events.length });
  });
});

test("S19: quater store restored voids more open requests than the number of events between two checkpoints, and the trail verifies", {
  timeout: 240_000,
}, async () => {
  using folder = tempFolder();
  const desk = await bootDesk({ root: folder.root, approval: { maxPending: 5_000 } });
  for (let from = 0; from < requests; from += 100)
    await Promise.all(Array.from({ length: 100 }, (_, n) => desk.file(people.robot, { cents: from + n })));
  await desk.app.stop();
  const repository = fileURLToPath(new URL("../../..", import.meta.url));
  writeFileSync(join(folder.root, "package.json"), '{"type":"module"}');
  mkdirSync(join(folder.root, "node_modules"));
  symlinkSync(repository, join(folder.root, "node_modules/quater"), "dir");
  writeFileSync(
    join(folder.root, "quater.config.ts"),
    `import { defineConfig } from "quater";
import { apiKeys, approval, audit, store } from "quater/plugins";
const policies = { finance: { approvers: [{ role: "finance" }] } };
export default defineConfig({ name: "t", handlers: [], plugins: [store(), audit(), approval({ authenticate: apiKeys(), policies })] });
`,
  );
  const { code, out, err } = await quater(["store", "restored", "--reason", "disk failed", "--despite-leases"], {
    cwd: folder.root,
  });
  expect([code, err]).toEqual([0, expect.any(String)]);
  expect(JSON.parse(out)).toMatchObject({ voidedRequests: requests });
  const verified = await quater(["audit", "verify"], { cwd: folder.root });
  expect(JSON.parse(verified.out)).toMatchObject({ damageCount: 0 });
});
