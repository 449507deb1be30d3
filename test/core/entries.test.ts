// The names of two public entries, so that a new name is a decision.

import * as plugins from "quater/plugins";
import * as testing from "quater/testing";
import { expect, test } from "vitest";

test("the entry point quater/plugins exports exactly the plugins and the authenticators", () => {
  const names = ["apiKeys", "approval", "audit", "bearer", "cli", "firstOf", "http", "jwt", "localUser", "mcp", "store"];
  expect(Object.keys(plugins).sort()).toEqual(names);
});

test("the entry point quater/testing exports exactly the test kit", () => {
  const names = [
    "bootTest",
    "direct",
    "expectApproval",
    "expectDenied",
    "expectOk",
    "fileOf",
    "gateSuite",
    "principal",
    "tokens",
  ];
  expect(Object.keys(testing).sort()).toEqual(names);
});
