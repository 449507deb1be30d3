// The shop's own refusals, on one page. Each stands in the `problems` of the handlers that can meet it.

import { problem } from "quater";

/** Only what was paid can be paid back. */
export const orderNotPaid = problem("order_not_paid", "conflict");
export const refundTooLarge = problem("refund_too_large", "conflict");
/** What is paid is refunded, not cancelled. */
export const orderNotOpen = problem("order_not_open", "conflict");
export const noteFull = problem("note_full", "conflict");
export const emailTaken = problem("email_taken", "conflict");
