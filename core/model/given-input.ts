// The parts of an input as a surface received the parts, before binding joins the parts into one input.

/** A part of the input as a surface received the part. */
export interface GivenInput {
  /** The source of this part of the input, for error messages: "path", "query", "body", "arguments", "flags". */
  readonly from: string;
  /**
   * True for texts, which Quater converts to the types in the input schema. A repeated name gives a list of texts. False for JSON
   * values, which Quater does not convert.
   */
  readonly isText: boolean;
  /**
   * The values of this part of the input by field name. Binding changes this object: binding adds defaults to the object and
   * freezes the object.
   */
  readonly values: unknown;
}
