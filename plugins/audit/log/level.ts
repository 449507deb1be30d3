// How much of a call is stored: the exposure key `audit`.

export const levels = ["off", "metadata", "request", "response"] as const;
/** Nothing (reads only); who, what, when and how it ended; arguments too; results too. */
export type AuditLevel = (typeof levels)[number];
