// An error as the log holds it: its stack, what the system says of it, and what caused it. Nothing else that hangs on an
// error is written: a database's `detail` holds values of rows, a client's `config` the credential that it sent.

import { withoutPassword } from "./plugin-options.ts";

/** What Node and drivers say of a failure, none of it anybody's data. */
const facts = ["code", "errno", "syscall", "address", "port", "hostname"] as const;
/** Of one failure: causes that hang on causes, and the parts of an AggregateError. */
const mostErrors = 8;
const mostCharacters = 8_192;

/** Several lines; credentials in addresses are left out. Whatever was thrown, this does not throw. */
export const errorText = (error: unknown): string => {
  const seen = new Set<unknown>();
  const parts: string[] = [];
  const write = (one: unknown, relation: string): void => {
    if (seen.size === mostErrors || seen.has(one)) return;
    seen.add(one);
    const text = safely(() => textOf(one));
    // A wrapping error may have taken over the stack of what it wraps.
    if (!parts.some((part) => part.includes(text))) parts.push(relation + text);
    if (!(one instanceof Error)) return;
    if (one instanceof AggregateError) for (const part of one.errors as unknown[]) write(part, "one of: ");
    if (one.cause !== undefined) write(one.cause, "caused by: ");
  };
  try {
    write(error, "");
  } catch {
    parts.push(unwritable); // a getter that throws
  }
  return parts.join("\n");
};

const textOf = (error: unknown): string => {
  // Of a thing that is no error nothing is known, least of all what it holds.
  if (!(error instanceof Error)) return limited(String(error));
  const known = facts.flatMap((name) => {
    const value: unknown = (error as unknown as Record<string, unknown>)[name];
    return typeof value === "string" || typeof value === "number" ? `${name}=${limited(String(value))}` : [];
  });
  return [limited(error.stack ?? String(error)), ...(known.length === 0 ? [] : [`    ${known.join(" ")}`])].join("\n");
};

/** Schemes are short: an unlimited one would make every dot in a long text the start of a long search. */
const address = /\b(?!file:)[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'`<>()]+/gi;

const limited = (text: string): string => {
  const told = text.replace(address, (url) => (/[@?]/.test(url) ? withoutPassword(url).replace(/:\/\/[^/?#@]*@/, "://") : url));
  return told.length > mostCharacters ? `${told.slice(0, mostCharacters)}...` : told;
};

const unwritable = "a value that cannot be written down";

/** Anything can be thrown, also what cannot be written down. */
const safely = (write: () => string): string => {
  try {
    return write();
  } catch {
    return unwritable;
  }
};
