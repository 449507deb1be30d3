/** The error for a case that could not be tried. The message contains the reason. */
export class Untried extends Error {}
