// What the compiler says of the `lock` key of an exposure. Run by `tsc`; nothing here is executed.

import { authenticated, expose, handler, Type } from "quater";
import "quater/store";

const module = {
  refundOrder: handler({
    description: "Refunds an order.",
    effect: "write",
    input: Type.Object({ orderId: Type.String(), cents: Type.Optional(Type.Integer()) }),
    auth: authenticated,
    handle: () => undefined,
  }),
  purgeOrders: handler({
    description: "Purges orders.",
    effect: "write",
    input: Type.Object({}),
    auth: authenticated,
    handle: () => undefined,
  }),
};
const load = async () => module;

// What is right.
expose(load, { refundOrder: { lock: "order" }, purgeOrders: { lock: "orders" } });
expose(load, { refundOrder: { lock: { name: "order", by: "orderId" } } });
expose(load, { refundOrder: { lock: { name: "order", by: "cents" } } });

expose(load, {
  // @ts-expect-error: lock.by names order, which is not a property of the handler's input
  refundOrder: { lock: { name: "order", by: "order" } },
});
expose(load, {
  // @ts-expect-error: a handler without inputs has nothing to lock by
  purgeOrders: { lock: { name: "order", by: "orderId" } },
});
expose(load, {
  // @ts-expect-error: the name is missing
  refundOrder: { lock: { by: "orderId" } },
});
expose(load, {
  // @ts-expect-error: without by, write the name alone
  refundOrder: { lock: { name: "order" } },
});
expose(load, {
  // @ts-expect-error: a lock has no option key
  refundOrder: { lock: { name: "order", by: "orderId", key: "orderId" } },
});
expose(load, {
  // @ts-expect-error: a lock cannot be switched on without a name
  refundOrder: { lock: true },
});
