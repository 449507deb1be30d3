// Runs the same tests of a desk on SQLite and on PostgreSQL.

import { afterAll, beforeAll, describe, test } from "vitest";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { type DeskOptions, ProjectDesk } from "./desk-kit.ts";

/** Runs the same tests on both databases. Without PostgreSQL, the tests on PostgreSQL are skipped and print the reason. */
export const onBothStores = (
  claims: (claim: (title: string, prove: (make: (options?: DeskOptions) => ProjectDesk) => Promise<void>) => void) => void,
): void => {
  let postgres: TestPostgres | string = "not started";
  beforeAll(async () => {
    postgres = await testPostgres();
  });
  afterAll(async () => {
    if (typeof postgres !== "string") await postgres.close();
  });
  describe.each(["sqlite", "postgres"] as const)("audit() works with a store on %s", (dialect) => {
    claims((title, prove) =>
      test(title, { timeout: 120_000 }, async (context) => {
        if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
        const url = dialect === "postgres" ? await (postgres as TestPostgres).freshUrl() : undefined;
        const desks: ProjectDesk[] = [];
        try {
          await prove((options) => {
            const desk = new ProjectDesk(url, options);
            desks.push(desk);
            return desk;
          });
        } finally {
          for (const desk of desks) desk[Symbol.dispose]();
        }
      }),
    );
  });
};
