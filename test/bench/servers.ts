// The servers that are compared, each in a process of its own: `servers.ts <variant> <handlers>` prints its port, and its
// CPU time so far, microseconds, for every line it reads.

import { randomUUID } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import type { ConfiguredPlugin } from "quater/plugin-api";

const [variant = "", count = "10"] = process.argv.slice(2);
const handlers = Number(count);

const result = (n: number, text: string, limit: number) => ({ n, text, limit, items: ["a", "b", "c"] });

/** What Quater sends with every answer, so that a comparison is of the same bytes. */
const sameHeaders = (set: (name: string, value: string) => void): void => {
  set("x-request-id", randomUUID());
  set("x-content-type-options", "nosniff");
};

const listen = async (listener: RequestListener): Promise<number> => {
  const server = createServer(listener);
  server.keepAliveTimeout = 5_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

const koa = async (): Promise<number> => {
  const { default: Koa } = await import("koa");
  const app = new Koa();
  app.use(async (ctx) => {
    sameHeaders((name, value) => ctx.res.setHeader(name, value));
    if (ctx.method === "POST") {
      const parts: Buffer[] = [];
      for await (const part of ctx.req) parts.push(part as Buffer);
      const body = JSON.parse(Buffer.concat(parts).toString("utf8")) as { text: string; limit: number };
      ctx.res.setHeader("content-type", "application/json; charset=utf-8");
      ctx.body = JSON.stringify(result(0, body.text, body.limit));
      return;
    }
    const { limit } = ctx.query;
    ctx.res.setHeader("content-type", "application/json; charset=utf-8");
    ctx.body = JSON.stringify(result(0, ctx.path.slice(ctx.path.lastIndexOf("/") + 1), Number(limit)));
  });
  return listen(app.callback());
};

const handWritten = async (): Promise<number> => {
  const { default: Koa } = await import("koa");
  const { default: Router } = await import("@koa/router");
  const { bodyParser } = await import("@koa/bodyparser");
  const { Type } = await import("typebox");
  const { Compile } = await import("typebox/compile");
  const app = new Koa();
  const router = new Router();
  for (let n = 0; n < handlers; n++) {
    const check = Compile(
      Type.Object(
        { text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) },
        { additionalProperties: false },
      ),
    );
    const answer = (ctx: import("koa").Context, input: unknown) => {
      sameHeaders((name, value) => ctx.set(name, value));
      if (!check.Check(input)) {
        ctx.status = 422;
        return;
      }
      ctx.body = result(n, input.text, input.limit);
    };
    router.get(`/items${n}/:text`, (ctx) => answer(ctx, { text: ctx.params["text"], limit: Number(ctx.query["limit"]) }));
    router.post(`/items${n}`, (ctx) => answer(ctx, ctx.request.body));
  }
  app.use(bodyParser());
  app.use(router.routes());
  return listen(app.callback());
};

const quater = async (): Promise<number> => {
  const { anyone, handler, Type } = await import("quater");
  const { http, httpRef } = await import("quater/http");
  // By name: without the plugin its rows fail and the others are measured.
  const { mcp } = (await import("quater/plugins")) as unknown as Partial<Record<string, (options: object) => ConfiguredPlugin>>;
  const { bootTest, principal, tokens } = await import("quater/testing");
  const define = (n: number) =>
    handler({
      description: `Item ${n}.`,
      effect: "read",
      input: Type.Object({ text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) }),
      output: Type.Object({ n: Type.Integer(), text: Type.String(), limit: Type.Integer(), items: Type.Array(Type.String()) }),
      auth: anyone,
      handle: ({ text, limit }) => result(n, text, limit),
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
    plugins: [http({ port: 0, authenticate: who }), ...(mcp === undefined ? [] : [mcp({ authenticate: who })])],
  });
  return Number(new URL(app.services.get(httpRef).baseUrl ?? "").port);
};

/** The SDK as its own documentation has it: stateless, a server and a transport per request. */
const sdk = async (): Promise<number> => {
  const { Server } = await import("@modelcontextprotocol/sdk/server/index.js");
  const { StreamableHTTPServerTransport } = await import("@modelcontextprotocol/sdk/server/streamableHttp.js");
  const { CallToolRequestSchema, ListToolsRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
  const { Type } = await import("typebox");
  const { Compile } = await import("typebox/compile");
  const input = Type.Object(
    { text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) },
    { additionalProperties: false },
  );
  const check = Compile(input);
  const tools = Array.from({ length: handlers }, (_, n) => ({ name: `item${n}`, description: `Item ${n}.`, inputSchema: input }));
  return listen(async (req, res) => {
    const server = new Server({ name: "bench", version: "1.0.0" }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      const given = params.arguments;
      if (!check.Check(given)) throw new Error("invalid");
      const value = result(Number(params.name.slice(4)), given.text, given.limit);
      return { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: value };
    });
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    res.once("close", () => void server.close());
    await server.connect(transport as never);
    await transport.handleRequest(req, res);
  });
};

const variants: Readonly<Record<string, () => Promise<number>>> = { koa, handWritten, quater, sdk };
const start = variants[variant];
if (start === undefined) throw new Error(`No variant ${variant}`);
process.stdout.write(`${await start()}\n`);
for await (const _line of createInterface(process.stdin)) {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${user + system}\n`);
}
process.exit(0);
