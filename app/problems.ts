// The shop's own refusals, on one page. Each code stands in the `problems` of the handlers that can meet it.

import { conflict } from "quater";
import type { Order } from "./schemas.ts";

/** Only what was paid can be paid back. */
export const orderNotPaid = (order: Order): never =>
  conflict(`Order ${order.id} is ${order.status}; only a paid order can be refunded`, { code: "order_not_paid" });

export const refundTooLarge = (order: Order, amountCents: number): never =>
  conflict(
    `Order ${order.id} has ${order.totalCents - order.refundedCents} cents left to refund, ${amountCents} were asked for`,
    { code: "refund_too_large" },
  );

/** What is paid is refunded, not cancelled. */
export const orderNotOpen = (order: Order): never =>
  conflict(`Order ${order.id} is ${order.status}; only an open order can be cancelled`, { code: "order_not_open" });

export const noteFull = (order: Order, maxLength: number): never =>
  conflict(`The note of order ${order.id} has no room for this: it holds ${maxLength} characters`, { code: "note_full" });

export const emailTaken = (): never => conflict("Another customer has this email address", { code: "email_taken" });
