// One PostgreSQL for all test files of a run. This PostgreSQL starts when the first test file requests it, and stops after the
// last test file.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { askName, type StartedPostgres, startPostgres } from "./postgres.ts";

/** Runs in Vitest's main process, once per project of a run: the first project's server is for all. @returns How to stop it. */
export default async (): Promise<(() => Promise<void>) | undefined> => {
  if (process.env[askName] !== undefined) return;
  let starting: Promise<StartedPostgres> | undefined;
  const desk = createServer((_, response) => {
    starting ??= startPostgres(tmpdir(), ["-c", "max_connections=300"]);
    starting.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => void desk.listen(0, "127.0.0.1", resolve));
  process.env[askName] = `http://127.0.0.1:${(desk.address() as AddressInfo).port}`;
  return async () => {
    desk.close();
    await starting?.then(
      ({ close }) => close(),
      () => undefined,
    );
  };
};
