// The parts of an input as a surface received them, before they are bound.

/** A part of the input as a surface received it. */
export interface GivenInput {
  /** For messages: "path", "query", "body", "arguments", "flags". */
  readonly from: string;
  /** Text is coerced by the schema (a repeated name gives a list of texts); JSON values are taken as they are. */
  readonly isText: boolean;
  /** Taken over by the binding: completed with defaults and frozen. */
  readonly values: unknown;
}
