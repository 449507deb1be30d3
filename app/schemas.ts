// The schemas that the shop's handlers share. Amounts of money are in whole cents. Times are ISO 8601 text in UTC.

import { personal, type Static, Type, withDefault } from "quater";

/** These limits keep every sum of prices an exact integer. */
const maxItems = 50;
const maxQuantity = 1000;
const maxPriceCents = 10_000_000;

export const OrderId = Type.String({ pattern: "^ord_[1-9][0-9]{0,14}$", description: "Order number, e.g. ord_1001" });
export const CustomerId = Type.String({ pattern: "^cus_[A-Za-z0-9]{1,32}$", description: "Customer number, e.g. cus_101" });
export const Cents = Type.Integer({ minimum: 0, description: "In cents" });
export const Currency = Type.Enum(["EUR", "USD", "GBP"], { title: "Currency", description: "ISO 4217 code" });
export const Time = Type.String({ format: "date-time" });
export const Day = Type.String({ format: "date", description: "A day in UTC, e.g. 2025-06-30" });

export const OrderStatus = Type.Enum(["open", "paid", "refunded", "cancelled"], {
  title: "OrderStatus",
  description: "open: not paid yet; paid; refunded: paid back in full; cancelled: ended before it was paid",
});
export type OrderStatus = Static<typeof OrderStatus>;

export const OrderItem = Type.Object(
  {
    sku: Type.String({ minLength: 1, maxLength: 40, description: "Article, e.g. mug-blue" }),
    quantity: Type.Integer({ minimum: 1, maximum: maxQuantity }),
    priceCents: Type.Integer({ minimum: 0, maximum: maxPriceCents, description: "Of one piece, in cents" }),
  },
  { title: "OrderItem" },
);
export type OrderItem = Static<typeof OrderItem>;
export const OrderItems = Type.Array(OrderItem, { minItems: 1, maxItems });

export const Order = Type.Object(
  {
    id: OrderId,
    customerId: CustomerId,
    status: OrderStatus,
    totalCents: Cents,
    refundedCents: Cents,
    currency: Currency,
    note: Type.Optional(personal(Type.String())),
    traceId: Type.Optional(Type.String()),
    createdAt: Time,
  },
  { title: "Order" },
);
export type Order = Static<typeof Order>;

export const OrderWithItems = Type.Object({ ...Order.properties, items: Type.Array(OrderItem) }, { title: "OrderWithItems" });
export type OrderWithItems = Static<typeof OrderWithItems>;

export const OrderPage = Type.Object(
  {
    orders: Type.Array(Order),
    next: Type.Optional(Type.String({ description: "Give it as cursor to get the next page; absent on the last one" })),
  },
  { title: "OrderPage" },
);
export type OrderPage = Static<typeof OrderPage>;

export const Refund = Type.Object(
  {
    orderId: OrderId,
    amountCents: Cents,
    refundedCents: Type.Integer({ minimum: 0, description: "Of the order in total, this refund included, in cents" }),
    currency: Currency,
    status: OrderStatus,
    refundedBy: Type.String(),
  },
  { title: "Refund" },
);
export type Refund = Static<typeof Refund>;

export const Customer = Type.Object(
  {
    id: CustomerId,
    name: personal(Type.String()),
    email: personal(Type.String({ format: "email" })),
    createdAt: Time,
  },
  { title: "Customer" },
);
export type Customer = Static<typeof Customer>;

export const CustomerPage = Type.Object(
  {
    customers: Type.Array(Customer),
    next: Type.Optional(Type.String({ description: "Give it as cursor to get the next page; absent on the last one" })),
  },
  { title: "CustomerPage" },
);
export type CustomerPage = Static<typeof CustomerPage>;

export const ReportGrouping = withDefault(
  Type.Enum(["day", "status"], { title: "ReportGrouping", description: "One group per day or per status" }),
  "day",
);

export const SalesReport = Type.Object(
  {
    from: Day,
    to: Day,
    currency: Currency,
    groups: Type.Array(
      Type.Object({
        key: Type.String({ description: "The day or the status" }),
        orders: Type.Integer(),
        totalCents: Cents,
        refundedCents: Cents,
      }),
    ),
    orders: Type.Integer(),
    totalCents: Cents,
    refundedCents: Cents,
  },
  { title: "SalesReport" },
);
export type SalesReport = Static<typeof SalesReport>;
