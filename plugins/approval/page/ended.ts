// Stores the sessions that people have ended. A session is an encrypted cookie, so a copy of the cookie would still work after
// its owner signed out. The store therefore contains the id of an ended session until the session would have expired. All
// instances read the ids of ended sessions, also after a restart.

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
 * How long the store contains the id of an ended session after the session would have expired, milliseconds. The clocks of
 * instances and store may differ, and no clock may make the ended session valid again.
 */
const toleranceMs = 3_600_000;

/** Ends a session on the server. The function may be called twice for the same session. @throws {StoreFailure} */
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
 * Returns whether a person has ended the session. @throws {StoreFailure} If this function throws, refuse the HTTP request,
 * because the person may have ended the session.
 */
export const isEnded = async (store: Store, { id }: Session): Promise<boolean> => {
  const open = await store.open();
  const found = open.queries<Tables>().selectFrom("approval_page_ended").select("session_id").where("session_id", "=", id);
  return (await open.read(found)).length > 0;
};
