// Exposed routes: found in an index that is flat in the number of handlers, and answered through the gate.

import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import FindMyWay from "find-my-way";
import type Koa from "koa";
import { itemUndelivered, tooMuchUnread } from "../../core/diagnostics/errors.ts";
import { visible } from "../../core/diagnostics/text.ts";
import { invalid, isQuaterError } from "../../core/index.ts";
import { andThen } from "../../core/model/principal.ts";
import { largeAnswer } from "../../core/pipeline/answer-size.ts";
import { isApprovalId } from "../../core/plugin/gate.ts";
import {
  type Awaitable,
  type Catalog,
  type Gate,
  type GivenInput,
  type Operation,
  parseJsonBytes,
  traceIdOf,
} from "../../core/plugin-api.ts";
import { pointerStep } from "../../core/schema/json.ts";
import { hasSecret, isSecretField } from "../../core/schema/schema.ts";
import { jsonBytesOf, veryLargeAnswer } from "./answer-bytes.ts";
import { answer, answered } from "./answering.ts";
import { hasBody, readBytes, readJsonBody, readQuery } from "./body.ts";
import { noteRun } from "./ran.ts";
import { problemBody, refuse, statusOf, TransportRefusal } from "./refusals.ts";
import { type BoundInput, httpKey, type RoutePlan } from "./route.ts";
import type { HttpService } from "./service.ts";
import { roomOf } from "./sockets.ts";
import { drained } from "./unread.ts";

interface Target {
  readonly operation: Operation;
  readonly plan: RoutePlan;
  /** Where the input has a secret: which names of a query are one. */
  readonly isSecret: ((name: string) => boolean) | undefined;
}

interface RouteMatch {
  readonly target: Target;
  readonly params: Readonly<Record<string, string>>;
  /** The query's text, without the question mark. */
  readonly query: string;
}

export interface RouteIndex {
  /** @param url  In its normal form: see path.ts. */
  readonly find: (method: string, url: string) => RouteMatch | undefined;
  /** Methods that the path has, for `Allow`. */
  readonly methodsOf: (url: string) => readonly string[];
}

/** find-my-way and not @koa/router: the router tests its routes one after the other, 230 µs at 2,000 of them. */
export const routeIndexOf = (catalog: Catalog): RouteIndex => {
  const index = FindMyWay({
    caseSensitive: true,
    maxParamLength: 16_384, // as long as a header section may be: length is the schema's business
    querystringParser: (text) => text,
  });
  const methods = new Set<string>();
  for (const operation of catalog.operations) {
    const plan = httpKey.of(operation);
    if (plan === undefined) continue;
    methods.add(plan.method);
    const { input } = operation;
    const isSecret = hasSecret(input) ? (name: string) => isSecretField(input, name) : undefined;
    const target: Target = { operation, plan, isSecret };
    index.on(plan.method, plan.path, () => undefined, target);
  }
  const find = (method: string, url: string): RouteMatch | undefined => {
    const found = index.find((method === "HEAD" ? "GET" : method) as "GET", url);
    if (found === null) return undefined;
    const params = found.params as Record<string, string>;
    for (const name in params) if (params[name] === "") return undefined; // `/items/` is not a path of `/items/:id`
    return {
      target: found.store as Target,
      params,
      query: (found.searchParams as unknown as string) ?? "",
    };
  };
  return {
    find,
    methodsOf: (url) => {
      const found = [...methods].filter((method) => find(method, url) !== undefined);
      return found.includes("GET") ? [...found, "HEAD"].sort() : found.sort();
    },
  };
};

export interface ExposedOptions {
  readonly gate: Gate;
  readonly index: RouteIndex;
  readonly http: HttpService;
  readonly maxBodyBytes: number;
}

/** Koa middleware; what it does not know goes on to `next`. */
export const exposedRoutes = (options: ExposedOptions): Koa.Middleware => {
  const { index } = options;
  return (ctx, next) => {
    const found = index.find(ctx.req.method ?? "GET", ctx.req.url ?? "/");
    return found === undefined ? next() : serve(ctx, found, options);
  };
};

/** Never throws: see answering.ts. */
const serve = async (ctx: Koa.Context, found: RouteMatch, { gate, http, maxBodyBytes }: ExposedOptions): Promise<void> => {
  const { req, res } = ctx;
  const { operation, plan } = found.target;
  const callId = ctx.state["callId"] as string;
  try {
    const cancellation = http.cancellation(ctx);
    const credentials = http.credentials(ctx, "http");
    const { traceparent } = req.headers;
    const traceId = traceparent === undefined ? undefined : traceIdOf(traceparent);
    const entry = { surface: "http", credentials, callId, handler: operation.name, traceId };
    const room = roomOf(res);
    const entering = gate.enter(entry);
    const outcome = await gate.invoke({
      handler: operation.name,
      surface: "http",
      principal: entering instanceof Promise ? await entering : entering,
      entry,
      callId,
      cancellation,
      peer: credentials.peer,
      traceId,
      approvalId: req.headers[approvalHeader] as string | undefined,
      given: () => givenBy(ctx, found, maxBodyBytes),
      room,
    });
    const begun = outcome.ok && operation.isStream ? await beginning(outcome.value as AsyncIterator<unknown>, res) : undefined;
    noteRun(ctx, operation, outcome);
    if (!outcome.ok) return refuse(ctx, outcome.error, callId);
    if (res.headersSent) {
      await begun?.items.return?.();
      throw new Error("A middleware answered before its route did: an await is missing before next()");
    }
    if (begun !== undefined) {
      stream(ctx, begun, callId, operation);
    } else {
      res.setHeader("content-type", "application/json; charset=utf-8");
      ctx.body = room.largest >= veryLargeAnswer ? jsonBytesOf(outcome.value) : JSON.stringify(outcome.value);
    }
    if (ctx.status !== plan.status) ctx.status = plan.status;
  } catch (error) {
    answer(ctx, error);
  }
};

/** The approval that the caller names. Node joins repeated headers, and the result is not an id. */
const approvalHeader = "quater-approval";

const givenBy = (ctx: Koa.Context, { target, params, query }: RouteMatch, maxBodyBytes: number): Awaitable<GivenInput[]> => {
  const { plan, isSecret } = target;
  const { req, res } = ctx;
  const named = req.headers[approvalHeader];
  if (named !== undefined && !isApprovalId(named))
    throw new TransportRefusal("bad_request", "Quater-Approval must be the id of one approval");
  const given: GivenInput[] = [];
  if (plan.params.length > 0) given.push({ from: "path", isText: true, values: params });
  if (query !== "") {
    const values = readQuery(query);
    const secret = isSecret && Object.keys(values).find(isSecret);
    // Proxies, browsers and servers log URLs, so a secret in a URL is refused.
    if (secret !== undefined)
      invalid(visible(`/${pointerStep(secret)}`), "is a secret, which a URL must not hold: send it in the body");
    given.push({ from: "query", isText: true, values });
  }
  const complete = (body?: GivenInput): GivenInput[] => {
    if (body !== undefined) given.push(body);
    if (plan.bound.length > 0) given.push(...boundInputs(ctx, plan.bound, given));
    return given.length === 0 ? [{ from: "query", isText: true, values: {} }] : given;
  };
  if (!hasBody(req)) return complete();
  if (plan.method === "GET") throw new TransportRefusal("bad_request", "GET takes no body", { connection: "close" });
  return andThen(readJsonBody(req, res, maxBodyBytes), complete);
};

/** Inputs that the manifest takes from headers and cookies come from nowhere else. */
const boundInputs = (ctx: Koa.Context, bound: readonly BoundInput[], given: readonly GivenInput[]): GivenInput[] =>
  bound.flatMap(({ name, from, key }) => {
    if (given.some(({ values }) => values !== null && typeof values === "object" && Object.hasOwn(values, name))) {
      invalid(`/${name}`, `is taken from the ${from} ${key} and from nowhere else`);
    }
    const text = from === "header" ? ctx.req.headers[key] : ctx.cookies.get(key);
    return text === undefined ? [] : [{ from, isText: true, values: { [name]: text } }];
  });

/** A stream whose first step was asked for, and may not have been answered yet. */
interface Begun {
  readonly items: AsyncIterator<unknown>;
  readonly first: Promise<IteratorResult<unknown>>;
}

const firstStepMs = 1_000;

/**
 * Waits for the first step of a stream, so that a refusal before the first item has the status it has everywhere. Not for
 * long: a subscription may be silent for hours, and its reader wants the headers.
 *
 * @throws {QuaterError} What the first step threw within that time.
 */
const beginning = async (items: AsyncIterator<unknown>, res: ServerResponse): Promise<Begun> => {
  const first = items.next();
  let goOn: () => void = () => {};
  const waited = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const timer = setTimeout(goOn, firstStepMs);
  res.once("close", goOn); // who has left needs no status
  try {
    await Promise.race([first, waited]);
  } finally {
    clearTimeout(timer);
    res.off("close", goOn);
  }
  return { items, first };
};

/** A stream as server-sent events where the caller asks for them, as JSON lines otherwise. */
const stream = (ctx: Koa.Context, begun: Begun, callId: string, { name, handler }: Operation): void => {
  const isEvents = (ctx.req.headers.accept ?? "").includes("text/event-stream");
  ctx.type = isEvents ? "text/event-stream" : "application/x-ndjson";
  ctx.set("cache-control", "no-store, no-transform");
  ctx.set("x-accel-buffering", "no");
  const item = (value: unknown) => (isEvents ? `data: ${JSON.stringify(value)}\n\n` : `${JSON.stringify(value)}\n`);
  const failure = (problem: string) => (isEvents ? `event: error\ndata: ${problem}\n\n` : `{"error":${problem}}\n`);
  const { res } = ctx;
  const { items } = begun;
  let upcoming: Begun["first"] | undefined = begun.first; // not kept: it would keep the first item in memory
  const next = async (): Promise<string | Buffer | undefined> => {
    const step = await (upcoming ?? items.next());
    upcoming = undefined;
    if (step.done === true) return undefined;
    const text = item(step.value);
    return text.length < largeAnswer ? text : Buffer.from(text);
  };
  const body = Readable.from(
    (async function* () {
      try {
        for (let part = await next(); part !== undefined; part = await next()) {
          if (typeof part === "string") {
            yield part;
            continue;
          }
          // Large items are in memory one at a time while a client does not read.
          const giveBack = await roomOf(res).take(part.length);
          if (giveBack === undefined) throw handler.effect === "read" ? tooMuchUnread() : itemUndelivered(name, tooMuchUnread());
          yield part;
          await drained(res);
          giveBack();
        }
        if (isEvents) yield "event: end\ndata: {}\n\n";
      } catch (error) {
        if (!isQuaterError(error)) throw error;
        yield failure(problemBody(statusOf(error), error.code, error.message, callId, error.details, error.errors));
      }
    })(),
  );
  // A body that is never read (HEAD, a client that left before the first byte) ends the stream all the same.
  body.once("close", () => void items.return?.().catch(() => {}));
  ctx.body = body;
  // Node keeps headers back for the first write, which may be long in coming; not before middleware has had its say.
  ctx.res.once("pipe", () => ctx.res.flushHeaders());
};

const dryRunPath = "/__quater__/dry-run/";

/**
 * `POST /__quater__/dry-run/<handler>`, with the whole input as its body. A path of its own: a header that a proxy drops
 * would execute the call.
 */
export const dryRuns = ({ gate, http, maxBodyBytes }: Omit<ExposedOptions, "index">): Koa.Middleware => {
  const dryRun = answered(async (ctx) => {
    if (ctx.method !== "POST") throw new TransportRefusal("method_not_allowed", "A dry run is a POST", { allow: "POST" });
    const handler = ctx.path.slice(dryRunPath.length);
    const callId = ctx.state["callId"] as string;
    const traceId = traceIdOf(ctx.req.headers["traceparent"]);
    const credentials = http.credentials(ctx, "http");
    const entry = { surface: "http", credentials, callId, handler, traceId };
    const principal = await gate.enter(entry);
    const given = async (): Promise<GivenInput[]> => {
      const values = hasBody(ctx.req) ? parseJsonBytes(await readBytes(ctx.req, ctx.res, maxBodyBytes)) : {};
      return [{ from: "body", isText: false, values }];
    };
    const outcome = await gate.invoke({ handler, surface: "http", principal, entry, callId, traceId, dryRun: true, given });
    if (!outcome.ok) return refuse(ctx, outcome.error, callId);
    ctx.body = outcome.value as object;
  });
  return (ctx, next) => (ctx.path.startsWith(dryRunPath) ? dryRun(ctx, next) : next());
};
