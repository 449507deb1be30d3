// The shop's own error codes. The `problems` of a handler list the error codes that this handler throws.

import { problem } from "quater";

/** The error code of a refund of an order that the customer has not paid. */
export const orderNotPaid = problem("order_not_paid", "conflict");
export const refundTooLarge = problem("refund_too_large", "conflict");
/** The error code of a cancellation of an order that is not open. A paid order can be refunded, but not cancelled. */
export const orderNotOpen = problem("order_not_open", "conflict");
export const noteFull = problem("note_full", "conflict");
export const emailTaken = problem("email_taken", "conflict");
