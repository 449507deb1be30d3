// The HTTP endpoint for dry runs.

import type Koa from "koa";
import type { Uploading } from "../../core/plugin/uploading.ts";
import { type Catalog, type Gate, type GivenInput, parseJsonBytes, traceIdOf } from "../../core/plugin-api.ts";
import { fileBytesOf } from "../../core/schema/file.ts";
import { accessOf, noteRoute } from "./access.ts";
import { answered } from "./answering.ts";
import { hasBody, readBytes } from "./body.ts";
import { readBody } from "./form.ts";
import { refusalOf, TransportRefusal } from "./refusals.ts";
import { put } from "./reply.ts";
import type { HttpService } from "./service.ts";

const dryRunPath = "/__quater__/dry-run/";

export interface DryRunOptions {
  readonly gate: Gate;
  readonly http: HttpService;
  readonly catalog: Catalog;
  readonly maxBodyBytes: number;
}

/**
 * Makes the endpoint `POST /__quater__/dry-run/<handler>`. The request body is the whole input of the handler. Dry runs have a
 * separate path instead of a header, because the call would run if a proxy dropped the header.
 */
export const dryRuns = ({ gate, http, catalog, maxBodyBytes }: DryRunOptions): Koa.Middleware => {
  const fileBytesByName = new Map(catalog.operations.map(({ name, input }) => [name, fileBytesOf(input)]));
  const dryRun = answered(async (ctx) => {
    if (ctx.method !== "POST")
      throw new TransportRefusal("method_not_allowed", "A dry run needs the method POST", { allow: "POST" });
    const handler = ctx.path.slice(dryRunPath.length);
    const callId = ctx.state["callId"] as string;
    const traceId = traceIdOf(ctx.req.headers["traceparent"]);
    const credentials = http.credentials(ctx, "http");
    const entry = { surface: "http", credentials, callId, handler, traceId };
    const principal = await gate.enter(entry);
    const operation = catalog.get(handler);
    const access = accessOf(ctx.res);
    if (access !== undefined) {
      access.handler = operation?.name;
      access.principal = principal;
    }
    const fileBytes = fileBytesByName.get(handler) ?? 0;
    const given = async (uploads?: Uploading): Promise<readonly GivenInput[]> => {
      const { req, res } = ctx;
      if (!hasBody(req)) return [{ from: "body", isText: false, values: {} }];
      if (fileBytes > 0) return readBody(req, res, { maxBytes: maxBodyBytes, takesForms: true, uploads, fileBytes });
      return [{ from: "body", isText: false, values: parseJsonBytes(await readBytes(req, res, maxBodyBytes)) }];
    };
    const outcome = await gate.invoke({ handler, surface: "http", principal, entry, callId, traceId, dryRun: true, given });
    if (!outcome.ok) return put(ctx, refusalOf(ctx.req, outcome.error, callId));
    ctx.set("cache-control", "no-store");
    ctx.body = outcome.value as object;
  });
  return (ctx, next) => {
    if (!ctx.path.startsWith(dryRunPath)) return next();
    noteRoute(ctx.res, `${dryRunPath}:handler`);
    return dryRun(ctx, next);
  };
};
