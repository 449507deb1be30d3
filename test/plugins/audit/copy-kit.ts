// An attacker who can write to the store. The attacker copies rows of the store, and writes the copied rows back later.

import { storeRef } from "quater/store";
import type { Desk, OnDialect } from "../approval/kit.ts";

type Row = Readonly<Record<string, unknown>>;
export type Copy = Readonly<Record<string, readonly Row[]>>;

const tables = ["audit_event", "audit_head", "approval_request", "approval_vote"] as const;

/** Returns all rows of the trail and of approvals. */
export const copyOf = async (desk: Desk): Promise<Copy> => {
  const copy: Record<string, readonly Row[]> = {};
  for (const table of tables) copy[table] = (await desk.sql(`select * from ${table}`)) as Row[];
  return copy;
};

/** Replaces all rows of the trail and of approvals by copied rows, in one transaction. */
export const putBack = async (desk: Desk, { dialect }: OnDialect, copy: Copy): Promise<void> => {
  const store = await desk.app.services.get(storeRef).open();
  const marker = (_: string, at: number) => (dialect === "sqlite" ? "?" : `$${at + 1}`);
  await store.apply(
    Object.entries(copy).flatMap(([table, rows]) => [
      { sql: `delete from ${table}`, parameters: [] },
      ...rows.map((row) => {
        const names = Object.keys(row);
        return {
          sql: `insert into ${table} (${names.join(", ")}) values (${names.map(marker).join(", ")})`,
          parameters: Object.values(row),
        };
      }),
    ]),
  );
};

export const isFenced = ({ app }: Desk): boolean => app.services.get(storeRef).isFenced;
