// What `npm run soak` prints and expects of a test that counted or timed something.

import { expect } from "vitest";

/** Silent unless the full numbers were asked for. */
export const figures = (what: string, counted: Readonly<Record<string, unknown>>): void => {
  if (process.env["QUATER_SOAK_FIGURES"] === "1") process.stdout.write(`${what}: ${JSON.stringify(counted)}\n`);
};

/** Fails in `npm run soak` when something took longer than promised. Elsewhere the machine may be busy, and time proves nothing. */
export const expectSoon = (what: string, ms: number, mostMs: number): void => {
  figures(what, { ms, mostMs });
  if (process.env["QUATER_SOAK_FIGURES"] === "1") expect(ms, what).toBeLessThan(mostMs);
};
