// The big list of naughty strings in every position of an input. Each string comes back exactly, or is refused with a status of
// the caller. The lists of refused strings are pinned. Log lines and output at a terminal have no control characters.

import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { PassThrough } from "node:stream";
import { anyone, file, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { anonymous } from "quater/plugin-api";
import { bootTest, type TestApp } from "quater/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serverLog } from "../plugins/cli/output/log.ts";
import { Terminal } from "../plugins/cli/output/terminal.ts";
import { quater } from "./plugins/cli/kit.ts";
import { exchange } from "./plugins/http/exchange.ts";

const vectors = new URL("./vectors/naughty-strings/blns.json", import.meta.url);
const naughty = JSON.parse(readFileSync(vectors, "utf8")) as readonly string[];

const about = { effect: "read", auth: anyone } as const;
const Text = Type.Object({ text: Type.String() });
const say = handler({ ...about, description: "Says a text.", input: Text, handle: ({ text }) => text });
const keys = handler({
  ...about,
  description: "Says the keys of an object.",
  input: Type.Object({ values: Type.Record(Type.String(), Type.Integer()) }),
  handle: ({ values }) => Object.keys(values)[0],
});
const named = handler({
  ...about,
  description: "Says the name of a file.",
  input: Type.Object({ photo: file({ maxBytes: 100, mediaTypes: ["text/plain"] }) }),
  handle: ({ photo }) => photo.name,
});
const fails = handler({
  ...about,
  description: "Fails with a text.",
  input: Text,
  handle: ({ text }) => {
    throw new Error(text);
  },
});

let app: TestApp;
let base: URL;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
beforeAll(async () => {
  const handlers = { inPath: say, inQuery: say, inHeader: say, inCookie: say, inBody: say, keys, named, fails };
  app = await bootTest({
    handlers,
    expose: {
      inPath: { http: "GET /path/:text", public: true },
      inQuery: { http: "GET /query", public: true },
      inHeader: { http: { route: "GET /header", bind: { text: "header:x-text" } }, public: true },
      inCookie: { http: { route: "GET /cookie", bind: { text: "cookie:text" } }, public: true },
      inBody: { http: { route: "POST /body", forms: true }, mcp: true, public: true },
      keys: { http: "POST /keys", mcp: true, public: true },
      named: { http: "POST /named", public: true },
      fails: { http: "POST /fails", public: true },
    },
    plugins: [http({ port: 0 }), mcp({ authenticate: () => anonymous })],
  });
  base = new URL(app.services.get(httpRef).baseUrl ?? "");
});
afterAll(async () => {
  agent.destroy();
  await app.stop();
});

interface Sent {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const send = ({ path, headers = {}, body }: Sent): Promise<{ readonly status: number; readonly body: unknown }> =>
  new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const sent = request({ agent, host: base.hostname, port: base.port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown }));
    });
    sent.on("error", reject).end(body);
  });

const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
/** A header with any bytes, which Node's client does not send. */
const sendRaw = async (path: string, header: string): Promise<{ readonly status: number; readonly body: unknown }> => {
  const bytes = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${header}\r\nConnection: close\r\n\r\n`);
  const [answer] = (await exchange(base.href, bytes)).answers;
  return { status: answer?.status ?? 0, body: JSON.parse(Buffer.from(answer?.body ?? "", "latin1").toString()) as unknown };
};
const multipart = (name: string, filename: string | undefined, value: string): Sent => {
  const written =
    filename === undefined ? "" : `; filename="${filename.replace(/[\r\n"]/g, encodeURIComponent)}"\r\nContent-Type: text/plain`;
  const body = `--b\r\nContent-Disposition: form-data; name="${name}"${written}\r\n\r\n${value}\r\n--b--\r\n`;
  return {
    path: filename === undefined ? "/body" : "/named",
    headers: { "content-type": "multipart/form-data; boundary=b" },
    body,
  };
};
const tool = async (name: string, values: object): Promise<{ readonly status: number; readonly body: unknown }> => {
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: values } };
  const { body } = await send({ path: "/mcp", headers: json, body: JSON.stringify(call) });
  const { content, isError, _meta } = (body as { result: ToolResult }).result;
  if (isError === true) return { status: 422, body: _meta?.["quater/error"] };
  const said = content[0]?.text ?? "";
  return { status: 200, body: _meta !== undefined && "quater/mediaType" in _meta ? said : (JSON.parse(said) as unknown) };
};
interface ToolResult {
  readonly content: readonly { readonly text: string }[];
  readonly isError?: boolean;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** An answer that is not the string itself must be expected. */
interface Position {
  readonly ask: (text: string) => Promise<{ readonly status: number; readonly body: unknown }>;
  /** What the position can carry of a string. Default: all of it. */
  readonly carries?: (text: string) => string;
  /** Strings that are refused, and how. */
  readonly refused?: readonly (readonly [text: string, answer: string])[];
}

const blank = /^[ \t]+|[ \t]+$/g;
/** The parser of HTTP refuses these characters in a header. */
const noHeader = naughty
  .filter((text) => /(?![\t\u0080-\u009f])\p{Cc}/u.test(text))
  .map((text) => [text, "400 bad_request"] as const);
/** A record takes any key but one with the end of a line. */
const noKey = naughty.filter((text) => /[\n\r\u2028\u2029]/.test(text)).map((text) => [text, "422 unknown_field"] as const);

const positions: Readonly<Record<string, Position>> = {
  "a path parameter": {
    ask: (text) => send({ path: `/path/${encodeURIComponent(text)}` }),
    refused: [
      ["", "404 route_not_found"],
      [".", "400 bad_request"],
    ],
  },
  "a query": { ask: (text) => send({ path: `/query?text=${encodeURIComponent(text)}` }) },
  "a header": {
    ask: (text) => sendRaw("/header", `X-Text: ${text}`),
    carries: (text) => text.replace(blank, ""),
    refused: noHeader,
  },
  "a cookie": {
    ask: (text) => sendRaw("/cookie", `Cookie: a=b; text=${text}; c=d`),
    carries: (text) => (text.split(";", 1)[0] ?? "").replace(blank, "").replace(/^"(.*)"$/, "$1"),
    refused: noHeader,
  },
  "a percent-encoded cookie": {
    ask: (text) => send({ path: "/cookie", headers: { cookie: `a=b; text=${encodeURIComponent(text)}; c=d` } }),
    carries: encodeURIComponent,
  },
  "a value in JSON": { ask: (text) => send({ path: "/body", headers: json, body: JSON.stringify({ text }) }) },
  "a key in JSON": {
    ask: (text) => send({ path: "/keys", headers: json, body: JSON.stringify({ values: { [text]: 1 } }) }),
    refused: noKey,
  },
  "a field of a form": {
    ask: (text) =>
      send({
        path: "/body",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ text }).toString(),
      }),
  },
  "a field of a multipart form": { ask: (text) => send(multipart("text", undefined, text)) },
  "an argument of a tool": { ask: (text) => tool("inBody", { text }) },
  "a key in an argument of a tool": { ask: (text) => tool("keys", { values: { [text]: 1 } }), refused: noKey },
};

test.each(Object.entries(positions))(
  "each string of the list of naughty strings returns unchanged from %s",
  async (_title, { ask, carries, refused = [] }) => {
    const answerTo = async (text: string) => {
      const { status, body } = await ask(text);
      return [text, status === 200 ? body : `${status} ${(body as { code?: string }).code}`];
    };
    const seen: unknown[] = [];
    // A peer may have 250 connections.
    for (let at = 0; at < naughty.length; at += 100) seen.push(...(await Promise.all(naughty.slice(at, at + 100).map(answerTo))));
    const expected = new Map(refused);
    expect(seen).toEqual(naughty.map((text) => [text, expected.get(text) ?? carries?.(text) ?? text]));
  },
);

test("the name of an uploaded file is the last part of the sent name, and invisible characters are escaped", async () => {
  for (const text of naughty) {
    const { status, body } = await send(multipart("photo", text, "content"));
    expect([text, status]).toEqual([text, 200]);
    const name = String(body);
    expect(name.replace(/\\u\{[0-9a-f]+\}/g, "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}/\\]/u);
    expect(name.length > 0 && name.length <= 200).toBe(true);
    if (/^[\w .,:()-]+[\w)]$/.test(text)) expect(name).toBe(text);
  }
});

/** Control characters, but for tabs and the ends of lines. */
const controls = /(?![\t\n])\p{Cc}/u;

test.each([
  ["lines for people", true],
  ["JSON lines", false],
])("%s of the log of Quater contain no control characters", async (_form, isTTY) => {
  const before = app.log.length;
  for (const text of naughty) {
    const { status } = await send({ path: "/fails", headers: json, body: JSON.stringify({ text }) });
    expect(status).toBe(500); // the handler throws
  }
  const failures = app.log.slice(before);
  expect(failures.length).toBe(naughty.length);
  let written = "";
  const stderr = Object.assign(new PassThrough(), { isTTY }).on("data", (part: Buffer) => {
    written += part.toString();
  });
  const env = { NO_COLOR: "1" };
  const terminal = new Terminal({ stdin: new PassThrough(), stdout: new PassThrough(), stderr }, env);
  const log = await serverLog(terminal, env);
  for (const { message, fields } of failures) log.error(message, fields);
  for (const text of naughty) log.warn(text, { text });
  await new Promise((resolve) => stderr.end(resolve));
  expect(written.split("\n").length).toBeGreaterThan(2 * naughty.length);
  expect(written.split("\n").filter((line) => controls.test(line))).toEqual([]);
});

test("each string of the list of naughty strings returns unchanged from a flag of quater run", async () => {
  for (const text of naughty) {
    const read = await quater(["run", "greet", `--name=${text}`]);
    const { out, ...rest } = read;
    expect([text, rest, JSON.parse(out)]).toEqual([text, { code: 0, err: "" }, `Hello ${text}`]);
    expect(out).toMatch(/^[^\p{Cc}\u202a-\u202e\u2066-\u2069]+\n$/u);
  }
});

test("the quater program writes no control characters to standard output and standard error of a terminal", async () => {
  // A start for each string would take long, and most strings have only letters.
  for (const text of naughty.filter((one, at) => at % 10 === 0 || /\p{C}/u.test(one))) {
    const shown = await quater(["run", "greet", `--name=${text}`], { isTerminal: true });
    const wrong = await quater(["run", text, `--${text}`], { isTerminal: true });
    expect([text, shown.code, wrong.code > 0]).toEqual([text, 0, true]);
    for (const { out, err } of [shown, wrong]) expect(out + err).not.toMatch(controls);
  }
});
