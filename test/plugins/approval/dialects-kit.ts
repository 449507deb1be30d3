// Runs the same tests on SQLite and on PostgreSQL, each test on a new store.

import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, test } from "vitest";
import { tempFolder } from "../audit/kit.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { bootDesk, type Desk, type DeskBoot } from "./desk-kit.ts";
import { paid } from "./pay-kit.ts";

export interface OnDialect {
  readonly dialect: "sqlite" | "postgres";
  /** Boots a desk on a new store. */
  readonly boot: (boot?: Omit<DeskBoot, "root" | "url">) => Promise<Desk>;
  /** Boots another instance on the same store. */
  readonly again: (boot?: Omit<DeskBoot, "root" | "url">) => Promise<Desk>;
  readonly root: string;
  readonly url: string | undefined;
  /** The PostgreSQL server, if the test file has its own server, which the test may stop. */
  readonly server: TestPostgres["server"];
}

/** Runs the same tests on both databases. Without PostgreSQL, the tests on PostgreSQL are skipped and print the reason. */
export const onBothDialects = (
  claims: (claim: (title: string, prove: (on: OnDialect) => Promise<void>) => void, dialect: OnDialect["dialect"]) => void,
  { hasOwnServer = false }: { readonly hasOwnServer?: boolean } = {},
): void => {
  let postgres: TestPostgres | string = "not started";
  beforeAll(async () => {
    postgres = await testPostgres(hasOwnServer ? tmpdir() : undefined);
  });
  afterAll(async () => {
    if (typeof postgres !== "string") await postgres.close();
  });
  describe.each(["sqlite", "postgres"] as const)("approval() works with a store on %s", (dialect) => {
    const claim = (title: string, prove: (on: OnDialect) => Promise<void>) =>
      test(title, async (context) => {
        if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
        using folder = tempFolder();
        const url = dialect === "postgres" ? await (postgres as TestPostgres).freshUrl() : undefined;
        const desks: Desk[] = [];
        const boot: OnDialect["boot"] = async (given) => {
          const desk = await bootDesk({ ...given, root: folder.root, url });
          desks.push(desk);
          return desk;
        };
        paid.length = 0;
        try {
          const server = url === undefined || typeof postgres === "string" ? undefined : postgres.server;
          await prove({ dialect, boot, again: boot, root: folder.root, url, server });
        } finally {
          for (const desk of desks) await desk.app.stop();
        }
      });
    claims(claim, dialect);
  });
};
