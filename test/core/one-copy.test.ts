import { expect, test } from "vitest";
import { initialize, resolve, unmarked } from "../../core/boot/one-copy.ts";

const home = "file:///app/node_modules/quater/";

test("the loader removes the URL mark from files of the running quater package and keeps the mark on other files", async () => {
  expect(unmarked({ url: `${home}core/index.ts?namespace=1`, format: "module" }, home)).toEqual({
    url: `${home}core/index.ts`,
    format: "module",
  });
  const other = { url: "file:///app/node_modules/quaternion/index.ts?namespace=1" };
  expect(unmarked(other, home)).toBe(other);
  initialize(home);
  const next = (specifier: string) => ({ url: `${home}${specifier}?namespace=1` });
  expect(await resolve("core/index.ts", {}, next)).toEqual({ url: `${home}core/index.ts` });
});
