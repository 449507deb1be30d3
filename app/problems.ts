// The shop's own error codes. The `problems` of a handler list the error codes that the handler throws.

import { problem } from "quater";

/** Thrown by a refund of an order that was not paid. */
export const orderNotPaid = problem("order_not_paid", "conflict");
export const refundTooLarge = problem("refund_too_large", "conflict");
/** Thrown by a cancellation of an order that is not open. A paid order is refunded instead. */
export const orderNotOpen = problem("order_not_open", "conflict");
export const noteFull = problem("note_full", "conflict");
export const emailTaken = problem("email_taken", "conflict");
