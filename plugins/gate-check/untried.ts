/**
 * The error for a case that the gate suite could not try. The message of this error contains the reason why the gate suite could
 * not try the case.
 */
export class Untried extends Error {}
