/** The error for a case that the gate suite could not try. The message of the error contains the reason. */
export class Untried extends Error {}
