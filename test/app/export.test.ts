import { Cancellation } from "quater/plugin-api";
import { expectOk } from "quater/testing";
import { expect, test } from "vitest";
import type { Order } from "../../app/schemas.ts";
import { seededOrders } from "../../app/seed.ts";
import { bootShop, codeOf, collected, newFile, staff } from "./kit.ts";

test("exportOrders streams every order once and reports its progress", async () => {
  await using app = await bootShop(await newFile());
  const told: [number, string | undefined][] = [];
  const progress = (fraction: number, message?: string) => void told.push([fraction, message]);
  const stream = await expectOk(app.as(staff).call("exportOrders", {}, { progress }));
  const ids: string[] = [];
  for await (const order of stream) ids.push(order.id);
  expect(new Set(ids).size).toBe(seededOrders);
  expect(ids).toHaveLength(seededOrders);
  expect(told.at(-1)).toEqual([1, `${seededOrders} of ${seededOrders} orders`]);
});

test("the stream of exportOrders ends without an item when no order matches the filters", async () => {
  await using app = await bootShop(await newFile());
  const stream = await expectOk(app.as(staff).call("exportOrders", { createdAfter: "2999-01-01" }));
  expect(await collected(stream)).toEqual([]);
});

test("a stream of exportOrders that its caller cancels ends with an error, so the stream does not look complete", async () => {
  await using app = await bootShop(await newFile());
  const cancellation = new Cancellation();
  const stream = await expectOk(app.as(staff).call("exportOrders", {}, { cancellation }));
  const seen: Order[] = [];
  const reading = (async () => {
    for await (const order of stream) {
      seen.push(order);
      if (seen.length === 3) cancellation.cancel();
    }
  })();
  await expect(reading).rejects.toThrow();
  expect(seen).toHaveLength(3);
});

test("the server answers other calls while the sample handler exportOrders runs", async () => {
  await using app = await bootShop(await newFile());
  const stream = await expectOk(app.as(staff).call("exportOrders"));
  let exported = 0;
  const reading = (async () => {
    for await (const _ of stream) exported++;
  })();
  await new Promise((resume) => setImmediate(resume));
  expect(exported).toBeLessThan(seededOrders);
  expect(codeOf(await app.as(staff).call("status"))).toBe("ok");
  await reading;
  expect(exported).toBe(seededOrders);
});
