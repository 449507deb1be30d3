import { expect, test } from "vitest";
import { verifyFigures } from "../../soak/verify.ts";

test("quater audit verify needs the same memory for ten times as many events", async () => {
  await verifyFigures(10_000); // what the first time alone costs
  const { events, heldMiB } = await verifyFigures(100_000);
  expect(events).toBeGreaterThanOrEqual(100_000);
  // The trail is 80 MB of text, and a page is under 1 MB.
  expect(heldMiB).toBeLessThan(20);
});
