// Calls the http surface in tests. The probe sends an HTTP request to the server and returns the response.

import type { WrittenFile } from "../../core/plugin/surface.ts";
import { type Catalog, cannotSend, type Operation, type Probe, type ProbeAnswer, type ProbeCall } from "../../core/plugin-api.ts";
import { fileFieldsOf } from "../../core/schema/file.ts";
import { isPlainObject } from "../../core/schema/schema.ts";
import { type ProblemDetails, probed } from "./problem-format.ts";
import { httpKey, pathUnder, type RoutePlan } from "./route.ts";
import type { HttpService, Requested } from "./service.ts";

/** The parts of an HTTP request that contain an input: the texts of path, query and headers, and the body. */
interface Written {
  readonly texts: Record<string, string | readonly string[]>;
  readonly body: string | undefined;
}

export const httpProbe =
  (catalog: Catalog, http: HttpService, prefix: string): Probe =>
  async ({ handler, input, token, approvalId }) => {
    const plan = httpKey.of(catalog.get(handler));
    if (plan === undefined || http.baseUrl === undefined) throw cannotSend(`${handler} cannot be called over http here`);
    const { path, headers: bound, body } = requestOf(plan, prefix, input);
    const headers: Record<string, string> = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(approvalId === undefined ? {} : { "quater-approval": approvalId }),
      ...bound,
    };
    const url = `${http.baseUrl}${path}`;
    const files = fileFieldsOf(catalog.get(handler)?.input).map(({ name }) => name);
    const { type, content } = files.length === 0 || body === undefined ? { type: json, content: body } : multipartOf(body, files);
    const sent = content === undefined ? { headers } : { body: content, headers: { ...headers, "content-type": type } };
    const { response, said, refusal } = await probed(async () => {
      const response = await fetch(url, { method: plan.method, ...sent });
      return { response, said: await response.text(), callId: response.headers.get("x-request-id") ?? "" };
    });
    return seen(response, said, plan, refusal);
  };

/** Writes an input as an HTTP request of a route. @throws {QuaterError} for an input that callers of the route cannot send. */
export const requestOf = (plan: RoutePlan, prefix: string, input: ProbeCall["input"]): Requested => {
  const { texts, body } = writtenOf(input, plan);
  const headers: Record<string, string> = {};
  for (const { name, from, key } of plan.bound) {
    if (from !== "header" || texts[name] === undefined) continue;
    headers[key] = String(texts[name]);
    delete texts[name];
  }
  const path = pathUnder(prefix, plan.path).replaceAll(/:([A-Za-z_][A-Za-z0-9_]*)/g, (whole, name: string) => {
    const value = texts[name];
    delete texts[name];
    return value === undefined ? whole : encodeURIComponent(String(value));
  });
  const query = Object.entries(texts).flatMap(([name, value]) =>
    [value].flat().map((text) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`),
  );
  return { method: plan.method, path: `${path}${query.length === 0 ? "" : `?${query.join("&")}`}`, headers, body };
};

/** Writes an input as an HTTP request of the operation's route; `undefined` if callers of the route cannot send the input. */
export const exampleRequest = (operation: Operation, prefix: string, input: unknown): Requested | undefined => {
  const plan = httpKey.of(operation);
  try {
    return plan === undefined ? undefined : requestOf(plan, prefix, { json: JSON.stringify(input) });
  } catch {
    return undefined;
  }
};

const json = "application/json";

/**
 * Writes the fields of a JSON object as the parts of a multipart form. Files keep their names, and other fields become JSON
 * parts.
 */
const multipartOf = (body: string, files: readonly string[]): { readonly type: string; readonly content: Buffer } => {
  const boundary = "quater-probe-boundary";
  const fields = JSON.parse(body) as Record<string, unknown>;
  const partOf = (name: string, value: unknown): Buffer[] => {
    const { name: filename, mediaType, base64 } = (isPlainObject(value) ? value : {}) as Partial<WrittenFile>;
    const isFile = files.includes(name) && typeof base64 === "string";
    const about = `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${isFile ? `; filename="${filename}"` : ""}`;
    const head = `${about}\r\ncontent-type: ${isFile ? mediaType : json}\r\n\r\n`;
    return [Buffer.from(head), isFile ? Buffer.from(base64, "base64") : Buffer.from(JSON.stringify(value)), Buffer.from("\r\n")];
  };
  const parts = Object.entries(fields).flatMap(([name, value]) =>
    files.includes(name) && Array.isArray(value) ? value.flatMap((item) => partOf(name, item)) : partOf(name, value),
  );
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    content: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  };
};

/**
 * Splits the members of an input into path, query, headers and body. If the whole input is the body, the JSON text of the input
 * stays unchanged.
 */
const writtenOf = (input: ProbeCall["input"], { params, bound, method, body: envelope }: RoutePlan): Written => {
  if (!("json" in input)) return { texts: { ...input.text }, body: undefined };
  const apart = new Set([...params, ...bound.map(({ name }) => name)]);
  if (apart.size === 0 && method !== "GET") return { texts: {}, body: wrapped(envelope, input.json) };
  const values = JSON.parse(input.json) as unknown;
  if (!isPlainObject(values)) throw cannotSend("the input is not an object, so it cannot be split into path, query and body");
  const absent = params.find((name) => values[name] === undefined);
  if (absent !== undefined) throw cannotSend(`the input has no ${absent}, which the path needs`);
  const texts: Written["texts"] = {};
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (apart.has(name)) texts[name] = scalarText(name, value);
    else if (method === "GET")
      texts[name] = Array.isArray(value) ? value.map((item) => scalarText(name, item)) : scalarText(name, value);
    else rest[name] = value;
  }
  return { texts, body: method === "GET" ? undefined : wrapped(envelope, JSON.stringify(rest)) };
};

const wrapped = (envelope: string | undefined, json: string): string =>
  envelope === undefined ? json : `{${JSON.stringify(envelope)}:${json}}`;

const scalarText = (name: string, value: unknown): string => {
  if (value === null || typeof value === "object" || value === "")
    throw cannotSend(`${name} cannot be written as text in a path or query`);
  return String(value);
};

/**
 * Returns the response that a caller saw, in the format of probes. A response of middleware may have any form, and a response
 * with the status 204 or 205 has no body.
 */
const seen = (response: Response, text: string, { answer }: RoutePlan, refusal: ProblemDetails | undefined): ProbeAnswer => {
  const type = response.headers.get("content-type") ?? "";
  if (response.ok) {
    if (text === "") return { ok: true, value: null };
    if (type.includes("ndjson")) return { ok: true, value: linesOf(text) };
    const value: unknown = type.includes("json") ? JSON.parse(text) : text;
    return { ok: true, value: answer === undefined || !isPlainObject(value) ? value : value[answer] };
  }
  const told = refusal ?? (type.includes("json") ? (JSON.parse(text) as unknown) : {});
  const { code, detail, errors } = (isPlainObject(told) ? told : {}) as Partial<ProblemDetails>;
  return { ok: false, code: code ?? `status_${response.status}`, message: detail ?? text, errors: errors ?? [] };
};

const linesOf = (text: string): readonly unknown[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
