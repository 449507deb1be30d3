// The servers that are compared, each in a process of its own: `servers.ts <variant> <handlers>` prints its port, and its
// CPU time so far, user and system in microseconds, for every line it reads.

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { parse } from "node:querystring";
import { createInterface } from "node:readline";
import type { ConfiguredPlugin } from "quater/plugin-api";
import { Type } from "typebox";
import { Compile } from "typebox/compile";

const [variant = "", count = "10"] = process.argv.slice(2);
const handlers = Number(count);

interface Input {
  readonly text: string;
  readonly limit: number;
}

const result = (n: number, { text, limit }: Input) => ({ n, text, limit, items: ["a", "b", "c"] });
const inputSchema = Type.Object(
  { text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);
const outputSchema = Type.Object({
  n: Type.Integer(),
  text: Type.String(),
  limit: Type.Integer(),
  items: Type.Array(Type.String()),
});
const check = Compile(inputSchema);
const json = "application/json; charset=utf-8";
const keys = new Map([["Bearer key", "ana"]]);

/** What Quater does for every call, so that a comparison is of the same work: the credential and the input are checked. */
const isKnown = (authorization: string | undefined): boolean => authorization !== undefined && keys.has(authorization);

/** What Quater sends with every answer, so that a comparison is of the same bytes. */
const sameHeaders = () => ({
  "x-request-id": randomUUID(),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "content-type": json,
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
});

const lastPart = (path: string): string => decodeURIComponent(path.slice(path.lastIndexOf("/") + 1));

/** Node's limits as Quater sets them: an answer says `Keep-Alive: timeout=5, max=1000`. */
const limited = (server: Server): Server => {
  server.keepAliveTimeout = 5_000;
  server.maxRequestsPerSocket = 1_000;
  return server;
};

const listen = async (listener: RequestListener): Promise<number> => {
  const server = limited(createServer(listener));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

const bodyOf = async (req: IncomingMessage): Promise<unknown> => {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString("utf8"));
};

/** No routes: what Node itself costs. */
const node = (): Promise<number> =>
  listen((req, res) => {
    const answer = (input: unknown) => {
      const isRight = isKnown(req.headers.authorization) && check.Check(input);
      const text = isRight ? JSON.stringify(result(0, input as Input)) : "{}";
      res.writeHead(isRight ? 200 : 422, { ...sameHeaders(), "content-length": Buffer.byteLength(text) }).end(text);
    };
    if (req.method === "POST") return void bodyOf(req).then(answer);
    const [path = "", query = ""] = (req.url ?? "").split("?");
    answer({ text: lastPart(path), limit: Number(parse(query)["limit"]) });
  });

const koaWith = async (isMounted: boolean): Promise<number> => {
  const { default: Koa } = await import("koa");
  const app = new Koa();
  if (isMounted)
    app.use(async (ctx, next) => {
      await next();
      ctx.set("x-mounted", "1");
    });
  app.use(async (ctx) => {
    const input: unknown =
      ctx.method === "POST" ? await bodyOf(ctx.req) : { text: lastPart(ctx.path), limit: Number(ctx.query["limit"]) };
    for (const [name, value] of Object.entries(sameHeaders())) ctx.res.setHeader(name, value);
    if (isKnown(ctx.req.headers.authorization) && check.Check(input)) ctx.body = JSON.stringify(result(0, input));
    else ctx.status = 422;
  });
  return listen(app.callback());
};

const handWritten = async (): Promise<number> => {
  const { default: Koa } = await import("koa");
  const { default: Router } = await import("@koa/router");
  const { bodyParser } = await import("@koa/bodyparser");
  const app = new Koa();
  const router = new Router();
  for (let n = 0; n < handlers; n++) {
    const answer = (ctx: import("koa").Context, input: unknown) => {
      for (const [name, value] of Object.entries(sameHeaders())) ctx.set(name, value);
      if (!isKnown(ctx.req.headers.authorization) || !check.Check(input)) {
        ctx.status = 422;
        return;
      }
      ctx.body = result(n, input);
    };
    router.get(`/items${n}/:text`, (ctx) => answer(ctx, { text: ctx.params["text"], limit: Number(ctx.query["limit"]) }));
    router.post(`/items${n}`, (ctx) => answer(ctx, ctx.request.body));
  }
  app.use(bodyParser());
  app.use(router.routes());
  return listen(app.callback());
};

/** The parts of Fastify, Hono and Express that the benchmark uses. The compiler does not read the types of these packages. */
interface FastifyLike {
  readonly server: Server;
  addHook(name: "onRequest", hook: (request: Request, reply: ReplyLike, done: () => void) => void): void;
  get(path: string, options: object, handle: (request: Request, reply: ReplyLike) => object): void;
  post(path: string, options: object, handle: (request: Request, reply: ReplyLike) => object): void;
  listen(at: { readonly port: number; readonly host: string }): Promise<string>;
}
interface Request {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly params: { readonly text: string };
  readonly query: { readonly limit: number };
  readonly body: Input;
}
interface ReplyLike {
  headers(values: Readonly<Record<string, string>>): void;
  code(status: number): { send(body: object): void };
}

const imported = async <Module>(name: string): Promise<Module> => (await import(name)) as Module;

/** As its documentation has it: routes with schemas for input and output. */
const fastify = async (): Promise<number> => {
  const { default: make } = await imported<{ readonly default: (options: object) => FastifyLike }>("fastify");
  const app = make({ keepAliveTimeout: 5_000, maxRequestsPerSocket: 1_000 });
  app.addHook("onRequest", (request, reply, done) => {
    if (isKnown(request.headers["authorization"])) done();
    else reply.code(401).send({});
  });
  const plain = (schema: object): unknown => JSON.parse(JSON.stringify(schema));
  const { text, limit } = inputSchema.properties;
  const response = { 200: plain(outputSchema) };
  const one = (name: string, property: object) =>
    plain({ type: "object", properties: { [name]: property }, required: [name], additionalProperties: false });
  for (let n = 0; n < handlers; n++) {
    const schema = { params: one("text", text), querystring: one("limit", limit), response };
    app.get(`/items${n}/:text`, { schema }, (request, reply) => {
      reply.headers(sameHeaders());
      return result(n, { text: request.params.text, limit: request.query.limit });
    });
    app.post(`/items${n}`, { schema: { body: plain(inputSchema), response } }, (request, reply) => {
      reply.headers(sameHeaders());
      return result(n, request.body);
    });
  }
  await app.listen({ port: 0, host: "127.0.0.1" });
  return (app.server.address() as AddressInfo).port;
};

interface HonoContext {
  readonly req: {
    header(name: string): string | undefined;
    param(name: string): string;
    query(name: string): string | undefined;
  };
  body(text: string, status: number, headers: Readonly<Record<string, string>>): unknown;
}

const hono = async (): Promise<number> => {
  const { Hono } = await imported<{
    readonly Hono: new () => { get(path: string, handle: (context: HonoContext) => unknown): void; readonly fetch: unknown };
  }>("hono");
  const { serve } = await imported<{ readonly serve: (options: object, listening: (info: AddressInfo) => void) => Server }>(
    "@hono/node-server",
  );
  const app = new Hono();
  for (let n = 0; n < handlers; n++)
    app.get(`/items${n}/:text`, (context) => {
      const input = { text: context.req.param("text"), limit: Number(context.req.query("limit")) };
      const isRight = isKnown(context.req.header("authorization")) && check.Check(input);
      const text = isRight ? JSON.stringify(result(n, input)) : "{}";
      const length = String(Buffer.byteLength(text));
      return context.body(text, isRight ? 200 : 422, { ...sameHeaders(), "content-length": length });
    });
  return new Promise((resolve) => {
    limited(serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port)));
  });
};

interface ExpressLike {
  disable(name: string): void;
  get(path: string, handle: (req: Request, res: ExpressReply) => void): void;
}
interface ExpressReply {
  set(headers: Readonly<Record<string, string>>): ExpressReply;
  status(status: number): ExpressReply;
  send(text: string): void;
}

const express = async (): Promise<number> => {
  const { default: make } = await imported<{ readonly default: () => ExpressLike & RequestListener }>("express");
  const app = make();
  app.disable("x-powered-by");
  app.disable("etag");
  for (let n = 0; n < handlers; n++)
    app.get(`/items${n}/:text`, (req, res) => {
      const input = { text: req.params.text, limit: Number(req.query.limit) };
      const isRight = isKnown(req.headers["authorization"]) && check.Check(input);
      res.set(sameHeaders());
      if (isRight) res.send(JSON.stringify(result(n, input)));
      else res.status(422).send("{}");
    });
  return listen(app);
};

const quaterWith = async (isMounted: boolean): Promise<number> => {
  const { anyone, handler } = await import("quater");
  const { http, httpRef } = await import("quater/http");
  // By name: without the plugin its rows fail and the others are measured.
  const { mcp } = (await import("quater/plugins")) as unknown as Partial<Record<string, (options: object) => ConfiguredPlugin>>;
  const { bootTest, principal, tokens } = await import("quater/testing");
  const define = (n: number) =>
    handler({
      description: `Item ${n}.`,
      effect: "read",
      input: Type.Object(inputSchema.properties),
      output: outputSchema,
      auth: anyone,
      handle: (input) => result(n, input),
    });
  const names = Array.from({ length: handlers }, (_, n) => n);
  const who = tokens({ key: principal() });
  const app = await bootTest({
    handlers: Object.fromEntries(
      names.flatMap((n) => [
        [`item${n}`, define(n)],
        [`post${n}`, define(n)],
      ]),
    ),
    expose: Object.fromEntries(
      names.flatMap((n) => [
        [`item${n}`, { http: `GET /items${n}/:text`, ...(mcp === undefined ? {} : { mcp: true }) }],
        [`post${n}`, { http: `POST /items${n}` }],
      ]),
    ),
    plugins: [
      http({ port: 0, authenticate: who }),
      ...(mcp === undefined ? [] : [mcp({ authenticate: who })]),
      ...(isMounted ? [await mounting()] : []),
    ],
  });
  // Checkouts from before bootTest had `services` are measured, too.
  const services = app.services ?? (app as unknown as { readonly kernel: typeof app }).kernel.services;
  return Number(new URL(services.get(httpRef).baseUrl ?? "").port);
};

/** Middleware around the routes, as in front of bare Koa's. */
const mounting = async (): Promise<ConfiguredPlugin> => {
  const { definePlugin } = await import("quater/plugin-api");
  const { httpRef } = await import("quater/http");
  return definePlugin(() => ({
    name: "mounting",
    needs: [httpRef],
    setup: ({ services }) =>
      services.get(httpRef).mount("x-mounted", ({ app }) => {
        app.use(async (ctx, next) => {
          await next();
          ctx.set("x-mounted", "1");
        });
      }),
  }))();
};

/** The SDK as its own documentation has it: stateless, a server and a transport per request. */
/** The stateless server of the SDK's documentation: a new McpServer with all tools for each request. */
const sdk = async (): Promise<number> => {
  const { McpServer } = await import("@modelcontextprotocol/sdk/server/mcp.js");
  const { StreamableHTTPServerTransport } = await import("@modelcontextprotocol/sdk/server/streamableHttp.js");
  const { z } = await import("zod");
  return listen(async (req, res) => {
    if (!isKnown(req.headers.authorization)) return void res.writeHead(401).end();
    const server = new McpServer({ name: "bench", version: "1.0.0" });
    for (let n = 0; n < handlers; n++)
      server.registerTool(
        `item${n}`,
        {
          description: `Item ${n}.`,
          inputSchema: { text: z.string().max(100), limit: z.number().int().min(1) },
          outputSchema: { n: z.number().int(), text: z.string(), limit: z.number().int(), items: z.array(z.string()) },
        },
        async (given: Input) => {
          const value = result(n, given);
          return { content: [{ type: "text" as const, text: JSON.stringify(value) }], structuredContent: value };
        },
      );
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    res.once("close", () => void server.close());
    await server.connect(transport as never);
    await transport.handleRequest(req, res);
  });
};

const variants: Readonly<Record<string, () => Promise<number>>> = {
  node,
  koa: () => koaWith(false),
  koaMounted: () => koaWith(true),
  fastify,
  hono,
  express,
  handWritten,
  quater: () => quaterWith(false),
  quaterMounted: () => quaterWith(true),
  sdk,
};
const start = variants[variant];
if (start === undefined) throw new Error(`No variant ${variant}`);
process.stdout.write(`${await start()}\n`);
for await (const _line of createInterface(process.stdin)) {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${user} ${system}\n`);
}
process.exit(0);
