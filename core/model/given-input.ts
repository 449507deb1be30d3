// The parts of an input as a surface received them, before binding joins them into one input.

/** A part of the input as a surface received it. */
export interface GivenInput {
  /** The source of the part, for messages: "path", "query", "body", "arguments", "flags". */
  readonly from: string;
  /**
   * True for texts, which are converted to the types in the schema. A repeated name gives a list of texts. False for JSON values,
   * which are not converted.
   */
  readonly isText: boolean;
  /** The values by name. Binding changes this object: binding adds defaults to the object and freezes the object. */
  readonly values: unknown;
}
