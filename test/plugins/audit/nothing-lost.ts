// What a trail must hold after its writers were killed or cut off.

import { join } from "node:path";
import { expect } from "vitest";
import type { EventMeta } from "../../../plugins/audit/log/event.ts";
import { migrations } from "../../../plugins/audit/log/tables.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { openInProcess } from "../../../plugins/store/in-process.ts";
import { openStore } from "../../../plugins/store/open.ts";
import { openPostgres } from "../../../plugins/store/postgres.ts";
import type { Load } from "./load.ts";

/** Every acknowledged write has both events, nothing that was refused ran, and the chain verifies. */
export const expectNothingLost = async (
  root: string,
  url: string,
  loads: readonly Pick<Load, "answers" | "ran">[],
): Promise<void> => {
  const path = join(root, ".quater/quater.db");
  const isSqlite = url === "-";
  const database = isSqlite ? openInProcess(path) : await openPostgres({ url, schema: "quater", onLost: () => undefined });
  try {
    const store = await openStore(database, {
      place: { url: isSqlite ? `file:${path}` : url, path: isSqlite ? path : undefined, schema: "quater", mayLoseCommits: false },
      mode: "run",
      registered: [{ plugin: "audit", migrations }],
      onFailure: () => undefined,
      onLost: () => undefined,
      assertOpen: () => undefined,
    });
    const source = storeSource(store);
    const report = await verifySource(source, { keyFile: join(root, ".quater/trail-keys.json") });
    expect(report?.damage).toEqual([]);
    const [started, ended] = [new Set<string>(), new Set<string>()];
    for (let rows = await source.after(0); rows.length > 0; rows = await source.after(rows.at(-1)?.seq ?? 0)) {
      for (const { type, call_id, meta } of rows) {
        if (type === "call.started") started.add(call_id);
        if (type === "call.ended" && (JSON.parse(meta) as EventMeta).outcome === "succeeded") ended.add(call_id);
      }
    }
    for (const { answers, ran } of loads) {
      const acknowledged = answers.filter(({ name, code }) => name === "pay" && code === "ok").map(({ call }) => call);
      expect(acknowledged.filter((call) => !started.has(call) || !ended.has(call))).toEqual([]);
      expect([...ran].filter((call) => !started.has(call))).toEqual([]);
      const refused = answers.filter(({ code }) => code === "audit_unavailable").map(({ call }) => call);
      expect(refused.filter((call) => ran.has(call))).toEqual([]);
    }
  } finally {
    await database.close();
  }
};
