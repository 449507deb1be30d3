/** A case that could not be set up. The message says why. */
export class Untried extends Error {}
