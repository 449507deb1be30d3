// Turns a route and an input into an HTTP request of the typed client.

import type { UploadedFile } from "../../../core/schema/file.ts";
import type { Refusal } from "./types.ts";

export interface Sent {
  readonly method: string;
  /** The path of the HTTP request with its query. */
  readonly path: string;
  /** The body of the HTTP request: JSON text, or a form if an input is a file. */
  readonly body?: string | FormData;
}

/**
 * Marks a file as an input of a call: `client("POST /photos", { photo: upload(picked) })`. The typed client sends an input with a
 * file as a form.
 *
 * @param content  The typed client sends a `File` with its name. The typed client sends a `Blob` without a name with the name
 *   "blob".
 */
export const upload = (content: Blob): UploadedFile => content as unknown as UploadedFile;

const isFile = (value: unknown): boolean => value instanceof Blob || (Array.isArray(value) && value.some(isFile));

/**
 * Makes a form in which inputs that are not files are JSON parts. As plain form texts, these inputs would lose their types and
 * line ends.
 */
const formOf = (input: Readonly<Record<string, unknown>>): FormData => {
  const form = new FormData();
  for (const [name, value] of Object.entries(input)) {
    const text = isFile(value) ? undefined : JSON.stringify(value);
    if (text !== undefined) form.append(name, new Blob([text], { type: "application/json" }));
    else for (const file of [value ?? []].flat()) form.append(name, file as Blob);
  }
  return form;
};

/**
 * Returns the HTTP request for a route and an input. @returns A refusal if the typed client cannot write a value in the URL,
 * because the server would get another value or another route.
 */
export const sentFor = (route: string, input: Readonly<Record<string, unknown>>): Sent | Refusal => {
  const [method = "", template = ""] = route.split(" ");
  const rest = { ...input };
  const wrong: { path: string; message: string }[] = [];
  const encoded = (name: string, value: unknown, place: "path" | "query"): string => {
    const text = String(value);
    const isLost =
      value === null || value === undefined || typeof value === "object" || (place === "path" && /^\.{0,2}$/.test(text));
    try {
      if (!isLost) return encodeURIComponent(text);
    } catch {} // The text contains half of a surrogate pair, which has no encoding in a URL.
    wrong.push({ path: `/${name}`, message: `cannot be written as text in a ${place}` });
    return "";
  };
  let path = template.replaceAll(/(?<=\/):(\w+)/g, (_, name: string) => {
    const value = rest[name];
    delete rest[name];
    return encoded(name, value, "path");
  });
  const isQuery = method === "GET" || method === "DELETE";
  if (isQuery) {
    const query = Object.entries(rest).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((item) => `${encodeURIComponent(name)}=${encoded(name, item, "query")}`),
    );
    if (query.length > 0) path += `?${query.join("&")}`;
  }
  const [first] = wrong;
  if (first !== undefined)
    return {
      ok: false,
      code: "invalid_input",
      message: `${first.path} ${first.message}`,
      status: 0,
      callId: "",
      errors: wrong,
      details: {},
    };
  if (isQuery || Object.keys(rest).length === 0) return { method, path };
  return { method, path, body: Object.values(rest).some(isFile) ? formOf(rest) : JSON.stringify(rest) };
};
