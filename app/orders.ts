// The handlers for orders.

import { authenticated, can, handler, hasRole, notFound, personal, stream, Type, withDefault } from "quater";
import { customerIdOf, isCustomer } from "./access.ts";
import { noteFull, orderNotOpen, orderNotPaid, refundTooLarge } from "./problems.ts";
import {
  Currency,
  CustomerId,
  Day,
  Order,
  OrderId,
  OrderItems,
  OrderPage,
  OrderStatus,
  OrderWithItems,
  Refund,
} from "./schemas.ts";
import { noteMaxLength, shop } from "./shop.ts";

const exportPageSize = 100;

const Limit = withDefault(Type.Integer({ minimum: 1, maximum: 100, description: "How many at most" }), 20);
const Cursor = Type.Optional(Type.With(OrderId, { description: "The next of the page before" }));
const CreatedAfter = Type.Optional(Type.String({ format: "date", description: "Only orders of this day (UTC) and later" }));

export const listOrders = handler({
  description: "List orders, newest first, one page at a time. Filters narrow the list and can be combined.",
  effect: "read",
  input: Type.Object({
    status: Type.Optional(OrderStatus),
    customerId: Type.Optional(CustomerId),
    createdAfter: CreatedAfter,
    limit: Limit,
    cursor: Cursor,
  }),
  output: OrderPage,
  auth: can("orders:read"),
  use: { shop },
  handle: ({ limit, cursor, ...filter }, { shop }) => shop.orders(filter, limit, cursor),
});

export const listOwnOrders = handler({
  description: "List the orders of the customer who asks, newest first, one page at a time.",
  effect: "read",
  input: Type.Object({ limit: Limit, cursor: Cursor }),
  output: OrderPage,
  auth: [authenticated, isCustomer],
  use: { shop },
  // The policy guarantees that the principal has a customer id. Without a customer id, this query would list the orders of all
  // customers.
  handle: ({ limit, cursor }, { shop, principal }) => shop.orders({ customerId: customerIdOf(principal) ?? "" }, limit, cursor),
});

export const getOrder = handler({
  description: "Show one order with its items, its status and what was refunded of it.",
  effect: "read",
  input: Type.Object({ orderId: OrderId }),
  output: OrderWithItems,
  auth: can("orders:read"),
  use: { shop },
  handle: ({ orderId }, { shop }) => {
    const order = shop.order(orderId) ?? notFound("order", orderId);
    return { ...order, items: shop.items(order) };
  },
});

export const createOrder = handler({
  description: "Create an order for a customer. It is open until it is paid. Every call creates another order.",
  effect: "write",
  idempotent: false,
  input: Type.Object({
    customerId: CustomerId,
    items: OrderItems,
    currency: withDefault(Currency, "EUR"),
    isPaid: withDefault(Type.Boolean({ description: "The customer has paid already" }), false),
    note: Type.Optional(personal(Type.String({ minLength: 1, maxLength: noteMaxLength }))),
    traceId: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9._:-]{1,128}$",
        description: "The caller's own id for this request, kept with the order",
      }),
    ),
  }),
  output: OrderWithItems,
  auth: can("orders:write"),
  use: { shop },
  handle: (input, { shop }) => shop.createOrder(input),
});

export const refundOrder = handler({
  description: "Refund a paid order, in full or in part. The money leaves at once and cannot be called back.",
  effect: "destructive",
  input: Type.Object({
    orderId: OrderId,
    amountCents: Type.Integer({ minimum: 1, description: "In cents" }),
    reason: Type.Optional(Type.String({ maxLength: 200 })),
  }),
  output: Refund,
  auth: can("orders:refund"),
  use: { shop },
  problems: [orderNotPaid, refundTooLarge],
  preview: ({ orderId, amountCents }, { shop }) => shop.describeRefund(orderId, amountCents),
  handle: ({ orderId, amountCents, reason }, { shop, principal }) =>
    shop.refund(orderId, amountCents, `${principal.issuer}:${principal.subject}`, reason),
});

export const cancelOrder = handler({
  description: "Cancel an order that is not paid yet. Cancelling it again changes nothing; a paid order is refunded instead.",
  effect: "write",
  idempotent: true,
  input: Type.Object({ orderId: OrderId }),
  output: Order,
  auth: can("orders:write"),
  use: { shop },
  problems: [orderNotOpen],
  handle: ({ orderId }, { shop }) => shop.cancel(orderId),
});

export const addOrderNote = handler({
  description: "Add a line to an order's note, for the people who handle it.",
  effect: "write",
  idempotent: false,
  input: Type.Object({
    orderId: OrderId,
    note: personal(Type.String({ minLength: 1, maxLength: 500 })),
  }),
  output: Order,
  auth: can("orders:write"),
  use: { shop },
  problems: [noteFull],
  handle: ({ orderId, note }, { shop }) => shop.addNote(orderId, note),
});

export const purgeOrders = handler({
  description: "Delete for good all cancelled orders created before a day, with their items.",
  effect: "destructive",
  idempotent: true,
  input: Type.Object({ createdBefore: Day }),
  output: Type.Object({ deletedOrders: Type.Integer({ minimum: 0 }) }),
  auth: hasRole("admin"),
  use: { shop },
  preview: ({ createdBefore }, { shop }) => ({ deletedOrders: shop.countPurgeable(createdBefore) }),
  handle: ({ createdBefore }, { shop }) => ({ deletedOrders: shop.purge(createdBefore) }),
});

export const exportOrders = handler({
  description: "Stream all orders, newest first, one item per order.",
  effect: "read",
  input: Type.Object({ status: Type.Optional(OrderStatus), createdAfter: CreatedAfter }),
  output: stream(Order),
  auth: can("orders:read"),
  use: { shop },
  async *handle(filter, { shop, signal, progress }) {
    const total = shop.countOrders(filter);
    let sent = 0;
    let cursor: string | undefined;
    do {
      const page = shop.orders(filter, exportPageSize, cursor);
      for (const order of page.orders) {
        // Throw instead of returning, because an incomplete export must not look complete to the caller.
        signal.throwIfAborted();
        yield order;
      }
      sent += page.orders.length;
      progress(Math.min(1, sent / Math.max(total, sent, 1)), `${sent} of ${Math.max(total, sent)} orders`);
      cursor = page.next;
      // The database driver is synchronous. Without this pause between pages, the process could not serve other calls until the
      // end of the export.
      await new Promise((resume) => setImmediate(resume));
    } while (cursor !== undefined);
  },
});
