// The shop's own error codes. Each is listed in the `problems` of the handlers that throw it.

import { problem } from "quater";

/** Thrown by a refund of an order that was not paid. */
export const orderNotPaid = problem("order_not_paid", "conflict");
export const refundTooLarge = problem("refund_too_large", "conflict");
/** Thrown by a cancellation of an order that is not open. A paid order is refunded instead. */
export const orderNotOpen = problem("order_not_open", "conflict");
export const noteFull = problem("note_full", "conflict");
export const emailTaken = problem("email_taken", "conflict");
