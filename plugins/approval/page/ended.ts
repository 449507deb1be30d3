// Stores the sessions that people have ended. A session is an encrypted cookie, so a copy of the cookie would still work after
// its owner signed out. Therefore the store keeps the id of an ended session until the session would have expired. This works for
// all instances, and after restarts.

import type { Migration, Store } from "../../store/service.ts";
import { longestMs, type Session } from "./session.ts";

interface Tables {
  approval_page_ended: { session_id: string; forget_at: number };
}

export const endedMigration: Migration = {
  version: 2,
  tables: ["approval_page_ended"],
  up: (build) => [
    build.schema
      .createTable("approval_page_ended")
      .addColumn("session_id", "text", (column) => column.notNull().primaryKey())
      .addColumn("forget_at", "bigint", (column) => column.notNull()),
  ],
};

/**
 * How long the id of an ended session is kept after the session would have expired. The clocks of instances and store may differ,
 * and no clock may make the session valid again.
 */
const toleranceMs = 3_600_000;

/** Ends a session. Safe to call twice for the same session. @throws {StoreFailure} */
export const endSession = async (store: Store, { id, startedAt }: Session): Promise<void> => {
  const open = await store.open();
  const db = open.queries<Tables>();
  const row = { session_id: id, forget_at: startedAt + longestMs + toleranceMs };
  await open.apply([
    db.deleteFrom("approval_page_ended").where("forget_at", "<=", open.clock),
    db
      .insertInto("approval_page_ended")
      .values(row)
      .onConflict((conflict) => conflict.column("session_id").doNothing()),
  ]);
};

/**
 * Returns whether a session was ended. @throws {StoreFailure} Refuse the HTTP request in that case, because the session may
 * have been ended.
 */
export const isEnded = async (store: Store, { id }: Session): Promise<boolean> => {
  const open = await store.open();
  const found = open.queries<Tables>().selectFrom("approval_page_ended").select("session_id").where("session_id", "=", id);
  return (await open.read(found)).length > 0;
};
