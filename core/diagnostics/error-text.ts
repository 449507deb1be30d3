// Makes the text of an error for the log: the stack, the system codes and the causes of the error. Quater does not log other
// properties of an error. For example, `detail` of a database error contains values of rows, and `config` of a client library's
// error contains the sent credential.

import { withoutPassword } from "./plugin-options.ts";

/** The properties of errors of Node and of database drivers that contain no personal data. */
const facts = ["code", "errno", "syscall", "address", "port", "hostname"] as const;
/** The fields that Quater logs of a thrown object that is not an error. */
const tableFacts = ["name", "message", "status", ...facts] as const;
const mostNames = 20;
/** The most errors that Quater logs for one failure. The errors are the causes, and the parts of an AggregateError. */
const mostErrors = 8;
const mostCharacters = 8_192;

/** Returns the text of a thrown value in several lines, without credentials in URLs. `errorText` never throws. */
export const errorText = (error: unknown): string => {
  const seen = new Set<unknown>();
  const parts: string[] = [];
  const write = (one: unknown, relation: string): void => {
    if (seen.size === mostErrors || seen.has(one)) return;
    seen.add(one);
    const text = safely(() => textOf(one));
    // Some errors copy the stack of the error that they wrap, so log the same text only once.
    if (!parts.some((part) => part.includes(text))) parts.push(relation + text);
    if (!(one instanceof Error)) return;
    if (one instanceof AggregateError) for (const part of one.errors as unknown[]) write(part, "one of: ");
    if (one.cause !== undefined) write(one.cause, "caused by: ");
  };
  try {
    write(error, "");
  } catch {
    parts.push(unwritable); // Reading the error's properties called a getter that threw.
  }
  return parts.join("\n");
};

/** Returns one line about a thrown value, for use in a sentence: `TypeError: x is not a function`. Never throws. */
export const thrownText = (error: unknown): string =>
  safely(() => (error instanceof Error ? `${error.name}: ${limited(error.message)}` : textOf(error)));

const textOf = (error: unknown): string => {
  if (!(error instanceof Error)) return isTable(error) ? tableText(error) : limited(String(error));
  const known = factsOf(error, facts);
  return [limited(error.stack ?? String(error)), ...(known.length === 0 ? [] : [`    ${known.join(" ")}`])].join("\n");
};

const factsOf = (error: object, names: readonly string[]): readonly string[] =>
  names.flatMap((name) => {
    const value: unknown = (error as Record<string, unknown>)[name];
    return typeof value === "string" || typeof value === "number" ? `${name}=${limited(String(value))}` : [];
  });

/** Whether `String` would return only `[object Object]` for this value. */
const isTable = (value: unknown): value is object =>
  value !== null && typeof value === "object" && (value.toString === undefined || value.toString === Object.prototype.toString);

/**
 * Describes a thrown object that is not an error. The object may contain any data. For fields that errors do not have, the
 * description contains only the names of the fields and not the values.
 */
const tableText = (thrown: object): string => {
  const known = factsOf(thrown, tableFacts);
  const others = Object.keys(thrown).filter((name) => !known.some((fact) => fact.startsWith(`${name}=`)));
  const facts = known.length === 0 ? "" : `: ${known.join(" ")}`;
  const names = others.length === 0 ? "" : `, with the fields ${limited(others.slice(0, mostNames).join(", "))}`;
  return `an object that is not an Error${facts}${names}`;
};

/**
 * Matches a URL with a scheme of at most 21 characters. With an unlimited length of the scheme, every dot in a long text would
 * start a long search.
 */
const address = /\b(?!file:)[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'`<>()]+/gi;

const limited = (text: string): string => {
  const told = text.replace(address, (url) => (/[@?]/.test(url) ? withoutPassword(url).replace(/:\/\/[^/?#@]*@/, "://") : url));
  return told.length > mostCharacters ? `${told.slice(0, mostCharacters)}...` : told;
};

const unwritable = "a value that cannot be converted to text";

/**
 * Calls `write`, which converts a thrown value to text. Returns a placeholder if `write` throws, because the thrown value may
 * have a `toString` that throws.
 */
const safely = (write: () => string): string => {
  try {
    return write();
  } catch {
    return unwritable;
  }
};
