// Turns a route and an input into a request.

import type { Refusal } from "./types.ts";

export interface Sent {
  readonly method: string;
  /** The path with its query. */
  readonly path: string;
  readonly body?: string;
}

/**
 * Returns the request for an input. @returns A refusal for an input that a URL cannot hold, because the server would see another
 * input or another route.
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
    } catch {} // The input has half of a surrogate pair, which has no encoding in a URL.
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
  return isQuery || Object.keys(rest).length === 0 ? { method, path } : { method, path, body: JSON.stringify(rest) };
};
