// The log, by which plugins and the kernel inform operators.

/**
 * @param fields  Named values: `{ orderId, error }`. An error alone is taken too, as a `catch` has it: `log.warn("...", error)`.
 */
type Write = (message: string, fields?: unknown) => void;

export interface Log {
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** The fields of a line, for those who write lines. An error, which has no fields of its own, becomes the field `error`. */
export const fieldsOf = (given: unknown): LogFields => {
  if (given === undefined) return {};
  if (given instanceof Error) return { error: given };
  const isTable = given !== null && typeof given === "object" && !Array.isArray(given);
  return isTable ? (given as LogFields) : { value: given };
};
