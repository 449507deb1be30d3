// The tables of the plugin mcp in the store. Through these tables, the instances of an app exchange cancellations and reports of
// changed resources.

import type { Migration } from "../offered.ts";

export interface Tables {
  /** Calls that clients have cancelled. `call_key` is a digest, because the store must not contain session ids. */
  mcp_cancelled: { call_key: string; at: number };
  /**
   * MCP resources whose content has changed. `uri_key` is a digest, because a URI may contain data of a person. `origin` is the
   * instance that has reported the last change.
   */
  mcp_updated: { uri_key: string; at: number; origin: string };
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    tables: ["mcp_cancelled"],
    up: (build) => [
      build.schema
        .createTable("mcp_cancelled")
        .addColumn("call_key", "text", (column) => column.notNull().primaryKey())
        .addColumn("at", "bigint", (column) => column.notNull()),
    ],
  },
  {
    version: 2,
    tables: ["mcp_updated"],
    up: (build) => [
      // The indexes on `at` find old rows, because each write deletes the rows that are too old.
      build.schema.createIndex("mcp_cancelled_at").on("mcp_cancelled").column("at"),
      build.schema
        .createTable("mcp_updated")
        .addColumn("uri_key", "text", (column) => column.notNull().primaryKey())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("origin", "text", (column) => column.notNull()),
      build.schema.createIndex("mcp_updated_at").on("mcp_updated").column("at"),
    ],
  },
];
