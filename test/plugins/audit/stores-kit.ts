// Runs the same claims about a desk on SQLite and on PostgreSQL.

import { afterAll, beforeAll, describe, test } from "vitest";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { type DeskOptions, ProjectDesk } from "./desk-kit.ts";

/** The same claims on both databases; where there is no PostgreSQL the reason is printed. */
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
  describe.each(["sqlite", "postgres"] as const)("on %s", (dialect) => {
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
