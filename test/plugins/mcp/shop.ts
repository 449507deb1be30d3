// A small backend for the tests of the MCP surface, and ways into it that no client library can tidy up.

import { PassThrough } from "node:stream";
import { anyone, authenticated, can, conflict, handler, hasRole, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp, mcpRef } from "quater/mcp";
import { bootTest, principal, type TestApp, type TestBoot, tokens } from "quater/testing";

export const add = handler({
  description: "Adds two numbers.",
  effect: "read",
  input: Type.Object({ a: Type.Number(), b: Type.Number({ default: 1 }) }),
  output: Type.Object({ sum: Type.Number() }),
  auth: anyone,
  handle: ({ a, b }) => ({ sum: a + b }),
});

export const names = handler({
  description: "Lists names.",
  effect: "read",
  input: Type.Object({}),
  output: Type.Array(Type.String()),
  auth: anyone,
  handle: () => ["ana", "ben"],
});

export const note = handler({
  description: "Keeps a note.",
  effect: "write",
  idempotent: true,
  input: Type.Object({ text: Type.String({ maxLength: 50 }) }),
  auth: authenticated,
  handle: ({ text }, { principal }) => ({ text, by: principal }),
});

export const wipe = handler({
  description: "Deletes everything.",
  effect: "destructive",
  input: Type.Object({}),
  auth: can("wipe"),
  handle: () => "gone",
});

export const audit = handler({
  description: "For auditors alone.",
  effect: "read",
  input: Type.Object({}),
  auth: hasRole("auditor"),
  handle: () => "secret",
});

export const fail = handler({
  description: "Fails in the way asked for.",
  effect: "write",
  input: Type.Object({ how: Type.String() }),
  output: Type.Object({ done: Type.Boolean() }),
  auth: anyone,
  handle: ({ how }) => {
    if (how === "conflict") conflict("the order is \u001b[31marchived");
    throw new Error(`password=${how}`);
  },
});

export const count = handler({
  description: "Counts.",
  effect: "read",
  input: Type.Object({ to: Type.Integer({ minimum: 0 }) }),
  output: stream(Type.Object({ n: Type.Integer() })),
  auth: anyone,
  async *handle({ to }) {
    for (let n = 1; n <= to; n++) yield { n };
  },
});

export const steps = handler({
  description: "Works in steps.",
  effect: "write",
  input: Type.Object({}),
  output: Type.Object({ done: Type.Boolean() }),
  auth: anyone,
  handle: (_input, { progress }) => {
    progress(0, "starting");
    progress(0.5);
    progress(0.5);
    progress(0.5, "still half");
    progress(1, "done");
    return { done: true };
  },
});

export const chatty = handler({
  description: "Prints while it works.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: () => {
    // biome-ignore lint/suspicious/noConsole: printing is what is tested
    console.log("a stray line");
    process.stdout.write('{"jsonrpc":"2.0","id":1,"result":{}}\n');
    return "quiet";
  },
});

export const hidden = handler({
  description: "Exposed over HTTP alone.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: () => "hidden",
});

const signal = () => {
  let give: () => void = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
};

/** A handler that waits until it is told to end, and the signs it gives. */
export const waiting = () => {
  const started = signal();
  const aborted = signal();
  const release = signal();
  const wait = handler({
    description: "Waits.",
    effect: "write",
    input: Type.Object({}),
    auth: anyone,
    handle: async (_input, context) => {
      context.signal.addEventListener("abort", () => aborted.give());
      started.give();
      await Promise.race([aborted.given, release.given]);
      return "waited";
    },
  });
  return { wait, started: started.given, aborted: aborted.given, release: () => release.give() };
};

export const people = {
  ana: principal({ subject: "ana", scopes: ["wipe"] }),
  ben: principal({ subject: "ben", roles: ["auditor"] }),
};

export const handlers = { add, names, note, wipe, audit, fail, count, steps, chatty, hidden };

const exposed = (table: TestBoot["handlers"]) =>
  Object.fromEntries(Object.keys(table).map((name) => [name, name === "hidden" ? { http: "GET /hidden" } : { mcp: true }]));

/** Boots the shop with MCP on both transports. */
export const boot = (more: Partial<TestBoot> = {}): Promise<TestApp> => {
  const table = more.handlers ?? handlers;
  return bootTest({
    expose: exposed(table),
    plugins: [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people) })],
    ...more,
    handlers: table,
  });
};

export const urlOf = (app: TestApp): string => {
  const { baseUrl } = app.kernel.services.get(httpRef);
  if (baseUrl === undefined) throw new Error("http does not listen");
  return `${baseUrl}/mcp`;
};

export interface Rpc {
  readonly id: string | number | null;
  readonly method?: string;
  readonly params?: { progressToken?: unknown; progress?: number; message?: string; total?: number };
  readonly error?: { code: number; message: string; data?: { code: string; errors?: unknown[]; callId?: string } };
  readonly result?: {
    isError?: boolean;
    content?: { type: string; text: string }[];
    structuredContent?: unknown;
    tools?: { name: string; annotations: Record<string, boolean>; inputSchema: unknown; outputSchema?: unknown }[];
    protocolVersion?: string;
    _meta?: Record<string, { code: string; callId: string; errors: unknown[] } & string>;
  };
}

export const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };

/** A POST with a body that is sent as it stands. */
export const post = async (
  app: TestApp,
  body: string,
  more: Readonly<Record<string, string>> = { authorization: "Bearer ana" },
) => {
  const response = await fetch(urlOf(app), { method: "POST", headers: { ...headers, ...more }, body });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { response, text, rpc: (isJson ? JSON.parse(text) : undefined) as Rpc };
};

/** @param input  JSON text, put in as it stands. */
export const callText = (name: string, input = "{}", more = ""): string =>
  `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"${name}","arguments":${input}${more}}}`;

/** An open stdio session over a pair of streams in memory. */
export const session = (app: TestApp, token?: string) => {
  const input = new PassThrough();
  const output = new PassThrough();
  const said: string[] = [];
  const service = app.kernel.services.get(mcpRef);
  const ended = service.serveStdio({
    input,
    output,
    env: token === undefined ? {} : { QUATER_MCP_TOKEN: token },
    say: (text) => said.push(text),
  });
  const lines = linesOf(output);
  return {
    said,
    ended,
    input,
    write: (text: string) => void input.write(`${text}\n`),
    next: async (): Promise<Rpc> => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("The session ended");
      return JSON.parse(value) as Rpc;
    },
    /** Ends the input and gives what was still written. */
    end: async (): Promise<Rpc[]> => {
      input.end();
      await ended;
      output.end();
      const rest: Rpc[] = [];
      for await (const line of lines) rest.push(JSON.parse(line) as Rpc);
      return rest;
    },
  };
};

async function* linesOf(output: PassThrough): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of output) {
    text += String(chunk);
    const parts = text.split("\n");
    text = parts.pop() ?? "";
    yield* parts;
  }
}
