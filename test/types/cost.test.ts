// What handlers cost the compiler beside the schemas that they stand on. Counts of instantiations are the same in every run.

import { expect, test } from "vitest";
import { typeRatios } from "../bench/types.ts";

test("handlers cost the TypeScript compiler little more time than the schemas of the handlers", async () => {
  const ratios = await typeRatios(100);
  expect(ratios["types.100.vsTypeBox"]).toBeLessThan(1.5);
  expect(ratios["types.100.client.vsBare"]).toBeLessThan(1.7);
}, 180_000);
