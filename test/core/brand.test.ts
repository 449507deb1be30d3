import { expect, test } from "vitest";
import { brand, isBranded } from "../../core/diagnostics/brand.ts";

test("a mark is found on what another copy of Quater made, and only its own kind", () => {
  const made = { [Symbol.for("quater.brand")]: "plugin" };
  expect(isBranded(made, "plugin")).toBe(true);
  expect(isBranded(made, "handler")).toBe(false);
  expect(brand).toBe(Symbol.for("quater.brand"));
  for (const other of [undefined, null, "plugin", 7, { brand: "plugin" }]) expect(isBranded(other, "plugin")).toBe(false);
});
