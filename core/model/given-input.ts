// The parts of an input as a surface received them, before binding joins them into one input.

/** A part of the input as a surface received it. */
export interface GivenInput {
  /** The source of the part, for messages: "path", "query", "body", "arguments", "flags". */
  readonly from: string;
  /**
   * True for text, which the schema converts; a repeated name gives a list of texts. False for JSON values, which are not
   * converted.
   */
  readonly isText: boolean;
  /** The values by name. Binding takes this object over: it adds defaults and freezes it. */
  readonly values: unknown;
}
