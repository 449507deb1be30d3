// What boot says of locks that cannot work. The compiler says some of it earlier: see test/types/lock.ts.

import { authenticated, handler, secret, Type } from "quater";
import type { OptionsOf } from "quater/plugin-api";
import { approval, audit, store } from "quater/plugins";
import { bootTest, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { tempFolder } from "../audit/kit.ts";

const refundOrder = handler({
  description: "Refund an order.",
  effect: "write",
  input: Type.Object({ orderId: Type.String(), cents: Type.Integer(), card: Type.Optional(secret(Type.String())) }),
  auth: authenticated,
  preview: () => "a refund",
  handle: () => undefined,
});

const boot = async (expose: object, options?: OptionsOf<typeof store>, plugins = [store(options)]) => {
  using folder = tempFolder();
  const handlers = { refundOrder, cancelOrder: refundOrder };
  const app = await bootTest({ root: folder.root, handlers, expose: expose as never, plugins });
  await app.stop();
};

const byOrder = { name: "order", by: "orderId" };

test.each<[string, object, RegExp]>([
  [
    "by is no input",
    { name: "order", by: "orderid" },
    /refundOrder, lock\.by names orderid, which is not a property of the handler's input\. Did you mean "orderId"\?/,
  ],
  [
    "by is far from every input",
    { name: "order", by: "toString" },
    /lock\.by names toString, which is not a property of the handler's input\. Use one of the inputs orderId, cents, card/,
  ],
  [
    "by is a secret",
    { name: "card", by: "card" },
    /refundOrder, lock\.by names card, which is a secret\(\) field\. Write another input in lock.by, such as an id/,
  ],
  [
    "name is empty",
    { name: "", by: "orderId" },
    /The exposure of refundOrder is invalid: lock.*\. Write lock: "order" or lock: \{ name: "order"/,
  ],
  ["by is missing", { name: "order" }, /The exposure of refundOrder is invalid: lock.*\. Write lock: "order"/],
])("S4: boot refuses a handler with a lock whose %s", async (_, lock, problem) => {
  await expect(boot({ refundOrder: { direct: true, lock } })).rejects.toThrow(problem);
});

test("S4: boot refuses a lock of a handler with an empty name, and a lock without store()", async () => {
  await expect(boot({ refundOrder: { direct: true, lock: "" } })).rejects.toThrow(/The exposure of refundOrder is invalid: lock/);
  await expect(boot({ refundOrder: { direct: true, lock: "order" } }, undefined, [])).rejects.toThrow(
    /The exposure of refundOrder has the key "lock", but no configured plugin accepts this key\. Add the plugin that accepts the key to plugins, such as store\(\)/,
  );
});

test("S4: boot refuses two locks of handlers with the same name when only one of the locks has the field by", async () => {
  const expose = { refundOrder: { direct: true, lock: byOrder }, cancelOrder: { direct: true, lock: "order" } };
  await expect(boot(expose)).rejects.toThrow(
    /cancelOrder uses the lock order without by, but refundOrder uses it with by, so their calls could run at the same time\. Add by to both/,
  );
  await boot({ ...expose, cancelOrder: { direct: true, lock: { name: "order", by: "cents" } } });
});

test("S4: a handler with a preview and an approval gets a lock with the handler's name", async () => {
  using folder = tempFolder();
  const plugins = [
    store(),
    audit(),
    approval({ authenticate: tokens({}), policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ];
  const expose = {
    refundOrder: { direct: true, approval: "finance" },
    cancelOrder: { direct: true, lock: { name: "refundOrder", by: "orderId" } },
  };
  await expect(
    bootTest({ root: folder.root, handlers: { refundOrder, cancelOrder: refundOrder }, expose, plugins }),
  ).rejects.toThrow(/refundOrder uses the lock refundOrder without by, but cancelOrder uses it with by/);
});

test.each([0, 999, 1.5, 600_001, "10s"])("S4: boot refuses the store() option lockLeaseMs: %s", async (lockLeaseMs) => {
  await expect(boot({ refundOrder: { direct: true } }, { lockLeaseMs: lockLeaseMs as number })).rejects.toThrow(
    /store has an invalid value for lockLeaseMs: .*\. Write a whole number from 1,000 to 600,000/,
  );
});
