import { expect, test } from "vitest";
import { brand, isBranded } from "../../core/diagnostics/brand.ts";

test("isBranded accepts an object that another installed copy of Quater made, and refuses an object of another kind", () => {
  const made = { [Symbol.for("quater.brand")]: "plugin" };
  expect(isBranded(made, "plugin")).toBe(true);
  expect(isBranded(made, "handler")).toBe(false);
  expect(brand).toBe(Symbol.for("quater.brand"));
  for (const other of [undefined, null, "plugin", 7, { brand: "plugin" }]) expect(isBranded(other, "plugin")).toBe(false);
});
