// The log for operators. Plugins and the kernel write to this log.

/**
 * @param fields  Named values of the log line: `{ orderId, error }`. You can also pass a caught error: `log.warn("...", error)`.
 */
type Write = (message: string, fields?: unknown) => void;

export interface Log {
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Returns the fields of a log line. An error that a caller passes as the fields becomes the field `error`. */
export const fieldsOf = (given: unknown): LogFields => {
  if (given === undefined) return {};
  if (given instanceof Error) return { error: given };
  const isTable = given !== null && typeof given === "object" && !Array.isArray(given);
  return isTable ? (given as LogFields) : { value: given };
};
