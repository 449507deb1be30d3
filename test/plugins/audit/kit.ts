// A project in a separate folder, with store and audit, and functions that read the trail of this project.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Handler, handler, Type } from "quater";
import type { ConfiguredPlugin, OptionsOf } from "quater/plugin-api";
import { audit, store } from "quater/plugins";
import { bootTest, type TestApp } from "quater/testing";
import type { TestBoot } from "../../../core/testing/index.ts";
import type { EventMeta, EventRow } from "../../../plugins/audit/log/event.ts";
import { openSqlite } from "../../../plugins/store/sqlite.ts";

export interface Recorded {
  readonly meta: EventMeta;
  readonly body: unknown;
  readonly row: EventRow;
}

export const tempFolder = (): { readonly root: string; [Symbol.dispose](): void } => {
  const root = mkdtempSync(join(tmpdir(), "quater-trail-"));
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
};

export interface TrailBoot extends Omit<TestBoot, "plugins"> {
  readonly root: string;
  readonly audit?: OptionsOf<typeof audit>;
  readonly store?: OptionsOf<typeof store>;
  readonly plugins?: readonly ConfiguredPlugin[];
}

export const bootWithTrail = ({ plugins = [], ...given }: TrailBoot): Promise<TestApp> =>
  bootTest({ ...given, plugins: [...plugins, store(given.store), audit(given.audit)] });

/** Returns all events of the trail in the default file of the store, in order. */
export const eventsIn = (root: string): readonly Recorded[] => {
  const file = openSqlite(join(root, ".quater/quater.db"));
  try {
    const [found] = file.run([{ sql: "select * from audit_event order by seq", parameters: [] }]);
    return ((found?.rows ?? []) as EventRow[]).map((row) => ({
      row,
      meta: JSON.parse(row.meta) as EventMeta,
      body: row.body === null ? undefined : (JSON.parse(row.body) as unknown),
    }));
  } finally {
    file.close();
  }
};

export const change = (handle: (input: { id: string }) => unknown = ({ id }) => ({ id })): Handler =>
  handler({
    description: "Change one thing.",
    effect: "write",
    input: Type.Object({ id: Type.String() }),
    auth: () => true,
    handle: handle as never,
  });

export const look = (): Handler =>
  handler({
    description: "Look at one thing.",
    effect: "read",
    input: Type.Object({ id: Type.String() }),
    auth: () => true,
    handle: ({ id }) => ({ id }),
  });
