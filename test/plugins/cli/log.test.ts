// The JSON log of a server: the text of its lines, and the batches in which lines are written.

import { PassThrough, Readable, Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { serverLog } from "../../../plugins/cli/output/log.ts";
import { Terminal } from "../../../plugins/cli/output/terminal.ts";

const terminals: Terminal[] = [];
const terminalOn = (stderr: Writable & { readonly isTTY?: boolean }): Terminal => {
  const terminal = new Terminal({ stdin: Readable.from([]), stdout: new PassThrough(), stderr }, { NO_COLOR: "1" });
  terminals.push(terminal);
  return terminal;
};
afterEach(async () => {
  await Promise.all(terminals.splice(0).map((terminal) => terminal.end()));
});

/** A log on a stream that keeps each write, and that a test can make slow. */
const logging = async (isSlow = false) => {
  const writes: string[] = [];
  let read: (() => void) | undefined;
  const stderr = new Writable({
    highWaterMark: 1,
    write: (part, _, done) => {
      writes.push(String(part));
      if (isSlow && read === undefined) read = done;
      else done();
    },
  });
  const terminal = terminalOn(stderr);
  return { log: await serverLog(terminal, {}), terminal, stderr, writes, read: () => read?.() };
};
const messagesOf = (text: string): string[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => (line.startsWith("{") ? (JSON.parse(line) as { message: string }).message : line));

test("Quater writes the log lines of one turn of the event loop together", async () => {
  const { log, writes } = await logging();
  for (const message of ["one", "two", "three"]) log.info(message);
  expect(writes).toEqual([]);
  await turn();
  expect(writes.map(messagesOf)).toEqual([["one", "two", "three"]]);
  log.info("four");
  await turn();
  expect(writes.map(messagesOf)).toEqual([["one", "two", "three"], ["four"]]);
});

test("Quater writes a batch of log lines before the batch becomes large", async () => {
  const { log, writes } = await logging();
  for (let n = 0; n < 100; n++) log.info("line", { text: "t".repeat(900) });
  expect(writes.length).toBeGreaterThan(3);
  expect(Math.max(...writes.map(({ length }) => length))).toBeLessThan(18 * 1024);
});

test.each(["warn", "error"] as const)(
  "Quater writes a log line of the level %s immediately, after all earlier log lines",
  async (level) => {
    const { log, writes } = await logging();
    log.info("before");
    log[level]("now");
    expect(messagesOf(writes.join(""))).toEqual(["before", "now"]);
  },
);

test("text that other code writes to standard error keeps its place between the log lines of Quater", async () => {
  const { log, terminal, stderr, writes } = await logging();
  log.info("one");
  terminal.say("said\n");
  log.info("two");
  stderr.write("written by a handler\n");
  log.info("three");
  await terminal.end();
  expect(messagesOf(writes.join(""))).toEqual(["one", "said", "two", "written by a handler", "three"]);
  log.info("after the end");
  expect(messagesOf(writes.join("")).at(-1)).toBe("after the end");
});

test("after its end, a terminal of the log leaves no listener and no changed stream behind", async () => {
  const listeners = process.listenerCount("exit");
  const { terminal, stderr } = await logging();
  expect(process.listenerCount("exit")).toBe(listeners + 1);
  await terminal.end();
  expect(process.listenerCount("exit")).toBe(listeners);
  expect(stderr.write).toBe(Writable.prototype.write);
});

test("Quater drops log lines above 8 MiB for a slow reader, and logs how many lines it dropped", async () => {
  const { log, terminal, stderr, writes, read } = await logging(true);
  const count = 20_000;
  for (let n = 0; n < count; n++) log.info("line", { text: "t".repeat(1_000) });
  const waiting = stderr.writableLength;
  expect([waiting > 8 * 1024 * 1024, waiting < 8.1 * 1024 * 1024]).toEqual([true, true]);
  read();
  await expect.poll(() => stderr.writableLength).toBe(0);
  log.info("later");
  await terminal.end();
  const lines = writes
    .join("")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { level: string; message: string; lines?: number });
  const written = lines.filter(({ message }) => message === "line").length;
  expect(lines.slice(written)).toEqual([
    expect.objectContaining({
      level: "warn",
      message: "The reader of standard error is too slow, so lines of the log were dropped",
      lines: count - written,
    }),
    expect.objectContaining({ message: "later" }),
  ]);
});

test.each<[string, Record<string, unknown>, string]>([
  [
    "an access log line",
    { callId: "c-1", method: "GET", route: undefined, principal: "test:ana", status: 200, durationMs: 0.4, isCutOff: true },
    '"callId":"c-1","method":"GET","principal":"test:ana","status":200,"durationMs":0.4,"isCutOff":true',
  ],
  [
    "quotation marks and control characters",
    { text: 'a"b\\c\n\u0007\u007f\u009b é 😀' },
    '"text":"a\\"b\\\\c\\n\\u0007\\u007f\\u009b é 😀"',
  ],
  ["half a surrogate pair", { text: "\ud800" }, '"text":"\ufffd"'],
  ["a name with a quotation mark", { 'a"b': 1 }, '"a\\"b":1'],
  ["numbers", { one: -0, two: 1e21, three: Number.NaN, four: 12n }, '"one":0,"two":1e+21,"three":null,"four":12'],
  [
    "an object, a date and null",
    { object: { a: [1] }, at: new Date(0), nothing: null },
    '"object":{"a":[1]},"at":"1970-01-01T00:00:00.000Z","nothing":null',
  ],
  ["a function", { call: () => 1, after: true }, '"after":true'],
])("the JSON log of Quater writes %s", async (_, fields, json) => {
  const { log, writes } = await logging();
  log.warn("Some text", fields);
  expect(writes.join("").replace(/"time":"[^"]+"/, '"time":""')).toBe(
    `{"level":"warn","time":"",${json},"message":"Some text"}\n`,
  );
});

test.each([true, false])(
  "the log writes an object that has no JSON form as Node shows the object (terminal: %s)",
  async (isTTY) => {
    const written: string[] = [];
    const stderr = Object.assign(new PassThrough(), { isTTY }).on("data", (part: Buffer) => written.push(part.toString()));
    const terminal = terminalOn(stderr);
    const circular: Record<string, unknown> = { a: 1 };
    circular["self"] = circular;
    (await serverLog(terminal, {})).warn("Some text", { circular, big: { n: 1n } });
    await terminal.end();
    expect(written.join("")).toMatch(/circular.+a: 1, self: \[Circular.+big.+n: 1n/);
  },
);
