// A caller of the http surface for tests: goes in through the socket and tells what came back.

import type { Catalog, Probe, ProbeAnswer } from "../../core/index.ts";
import { planOf, type Route } from "./route.ts";
import type { HttpService } from "./service.ts";

export const httpProbe =
  (catalog: Catalog, http: HttpService): Probe =>
  async ({ handler, input, token }) => {
    const operation = catalog.get(handler);
    if (operation === undefined || http.baseUrl === undefined) throw new Error(`${handler} cannot be called over http here`);
    const plan = planOf(operation.exposure["http"] as Route);
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const isJson = "json" in input;
    const texts = isJson ? {} : { ...input.text };
    for (const { name, from, key } of plan.bound) {
      if (from !== "header" || texts[name] === undefined) continue;
      headers[key] = String(texts[name]);
      delete texts[name];
    }
    const path = plan.path.replaceAll(/:([A-Za-z_][A-Za-z0-9_]*)/g, (whole, name: string) => {
      const value = texts[name];
      delete texts[name];
      return value === undefined ? whole : encodeURIComponent(String(value));
    });
    const query = Object.entries(texts).flatMap(([name, value]) =>
      [value].flat().map((text) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`),
    );
    const url = `${http.baseUrl}${path}${query.length === 0 ? "" : `?${query.join("&")}`}`;
    const body = isJson ? { body: input.json, headers: { ...headers, "content-type": "application/json" } } : { headers };
    const response = await fetch(url, { method: plan.method, ...body });
    return seen(response, await response.text());
  };

const seen = (response: Response, text: string): ProbeAnswer => {
  const isLines = response.headers.get("content-type")?.includes("ndjson") === true;
  if (response.ok && isLines)
    return {
      ok: true,
      value: text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown),
    };
  const body = JSON.parse(text) as { code: string; detail: string; errors?: { path: string; message: string }[] };
  if (response.ok) return { ok: true, value: body };
  return { ok: false, code: body.code, message: body.detail, errors: body.errors ?? [] };
};
