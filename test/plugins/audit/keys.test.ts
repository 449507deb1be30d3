// The key file: what its keys are for, and what stays readable after a rotation.

import { join } from "node:path";
import { auditRef } from "quater/plugins";
import { expect, test } from "vitest";
import { rotateKeys } from "../../../plugins/audit/keys.ts";
import { bootWithTrail, change, tempFolder } from "./kit.ts";

test("O2: tags and secrets of before a rotation are still found, and the current ones come first", async () => {
  using folder = tempFolder();
  const boot = () => bootWithTrail({ root: folder.root, handlers: { change: change() } });
  const seen = async () => {
    await using app = await boot();
    const audit = app.kernel.services.get(auditRef);
    expect(audit.tagsOf({ a: 1 })[0]).toBe(audit.tagOf({ a: 1 }));
    expect(audit.secretsFor("x")[0]).toEqual(audit.secretFor("x"));
    return { tags: audit.tagsOf({ a: 1 }), secrets: audit.secretsFor("x").map((secret) => secret.toString("hex")) };
  };
  const before = await seen();
  rotateKeys(join(folder.root, ".quater/trail-keys.json"));
  const between = await seen();
  rotateKeys(join(folder.root, ".quater/trail-keys.json"));
  const after = await seen();
  expect([before.tags.length, between.tags.length, after.tags.length]).toEqual([1, 2, 3]);
  expect(after.tags.slice(1)).toEqual(between.tags);
  expect(after.secrets.slice(1)).toEqual(between.secrets);
  expect(between.secrets[1]).toBe(before.secrets[0]);
  expect(new Set(after.secrets).size).toBe(3);
});
