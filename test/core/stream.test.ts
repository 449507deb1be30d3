import { anyone, handler, notFound, resource, stream, Type } from "quater";
import { Cancellation, definePlugin } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";

type Source = (signal: AbortSignal) => AsyncGenerator<unknown>;

/** Opens a stream; tells what happened to it, in order. */
const streaming = async (source: Source) => {
  const happened: string[] = [];
  const tx = resource({
    name: "tx",
    scope: "call",
    open: () => "tx",
    close: (_tx, { failed }) => void happened.push(failed ? "rolled back" : "committed"),
  });
  const told = definePlugin(() => ({
    name: "told",
    hooks: { settled: (_call, outcome) => void happened.push(outcome.ok ? "ok" : outcome.error.code) },
  }));
  const numbers = handler({
    description: "Counts.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.Integer()),
    auth: anyone,
    use: { tx },
    handle: (_input, { signal }) => source(signal) as AsyncGenerator<number>,
  });
  const app = await bootTest({ handlers: { numbers }, plugins: [told()], drainMs: 10 });
  const cancellation = new Cancellation();
  const outcome = await app.as(principal()).call("numbers", {}, { cancellation });
  if (!outcome.ok) throw outcome.error;
  return { app, happened, cancellation, items: outcome.value as AsyncIterableIterator<unknown> };
};

const read = async (items: AsyncIterable<unknown>): Promise<unknown[]> => {
  const seen: unknown[] = [];
  try {
    for await (const item of items) seen.push(item);
  } catch (error) {
    seen.push((error as { code?: string }).code);
  }
  return seen;
};

test("settled hooks run once for the call of a stream, after the last item of the stream", async () => {
  const { app, happened, items } = await streaming(async function* () {
    yield 1;
    yield 2;
  });
  expect(happened).toEqual([]);
  expect(await read(items)).toEqual([1, 2]);
  expect(await items.next()).toEqual({ done: true, value: undefined });
  await items.return?.();
  await app.stop();
  expect(happened).toEqual(["committed", "ok"]);
});

describe("a stream that ends early rolls back its resources and settles once", () => {
  test("a stream rolls back its resources and settles once when its reader leaves early", async () => {
    let isCleanedUp = false;
    const { app, happened, items } = await streaming(async function* () {
      try {
        for (let number = 0; ; number++) yield number;
      } finally {
        isCleanedUp = true;
      }
    });
    for await (const item of items) if (item === 3) break;
    await app.stop();
    expect(isCleanedUp).toBe(true);
    expect(happened).toEqual(["rolled back", "cancelled"]);
  });

  test("after an item that its schema refuses, a stream rolls back its resources and settles once", async () => {
    let isCleanedUp = false;
    const { app, happened, items } = await streaming(async function* () {
      try {
        yield 1;
        yield "two";
        yield 3;
      } finally {
        isCleanedUp = true;
      }
    });
    expect(await read(items)).toEqual([1, "internal"]);
    await app.stop();
    expect(isCleanedUp).toBe(true);
    expect(happened).toEqual(["rolled back", "internal"]);
    expect(app.log[0]?.fields["error"]).toContain("An item of numbers does not match its schema: the value must be an integer");
  });

  test.each<[string, () => unknown, string]>([
    ["a QuaterError", () => notFound("page", "9"), "not_found"],
    ["another error", () => JSON.parse("{"), "internal"],
  ])("a stream rolls back its resources and settles once when its source throws %s", async (_how, fail, code) => {
    const { app, happened, items } = await streaming(async function* () {
      yield 1;
      fail();
    });
    expect(await read(items)).toEqual([1, code]);
    await app.stop();
    expect(happened).toEqual(["rolled back", code]);
  });

  test("a stream rolls back its resources and settles with internal when its source throws while the reader leaves", async () => {
    const { app, happened, items } = await streaming(async function* () {
      try {
        yield 1;
      } finally {
        JSON.parse("{");
      }
    });
    for await (const _item of items) break;
    await app.stop();
    expect(happened).toEqual(["rolled back", "internal"]);
  });

  test("a stream rolls back its resources and settles with cancelled when its call is cancelled", async () => {
    const { app, happened, cancellation, items } = await streaming(async function* (signal) {
      yield 1;
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    await items.next();
    const next = read(items);
    cancellation.cancel();
    expect(await next).toEqual(["cancelled"]);
    await app.stop();
    expect(happened).toEqual(["rolled back", "cancelled"]);
    expect(app.log).toEqual([]);
  });
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

// A part must not look like the whole.
test.each<[string, Source]>([
  [
    "ignores the AbortSignal",
    async function* () {
      for (;;) {
        yield 1;
        await pause();
      }
    },
  ],
  [
    "throws when the AbortSignal aborts",
    async function* (signal) {
      for (;;) {
        signal.throwIfAborted();
        yield 1;
        await pause();
      }
    },
  ],
  [
    "returns when the AbortSignal aborts",
    async function* (signal) {
      while (!signal.aborted) {
        yield 1;
        await pause();
      }
    },
  ],
])(
  "a stop of the app ends a stream with an error for its reader and for settled hooks when the source %s",
  async (_how, source) => {
    const { app, happened, items } = await streaming(source);
    const seen = read(items);
    await app.stop();
    expect((await seen).slice(-2)).toEqual([1, "stopping"]);
    expect(happened).toEqual(["rolled back", "stopping"]);
  },
);

test("O7: a stop of the app ends an endless stream, even when the reader requests the next item only after the stop began", async () => {
  let aborted: Promise<unknown> = Promise.resolve();
  const { app, happened, items } = await streaming(async function* (signal) {
    aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
    try {
      for (;;) yield 1;
    } finally {
      await new Promise(() => {});
    }
  });
  await items.next();
  const stopped = app.stop();
  await aborted;
  expect(await read(items)).toEqual(["stopping"]);
  await stopped;
  expect(happened).toEqual(["stopping"]);
});

test("a stream ends when its caller cancels, even if the source ignores the AbortSignal of the call", async () => {
  const { happened, cancellation, items } = await streaming(async function* () {
    for (let number = 0; number < 100; number++) yield number;
  });
  await items.next();
  cancellation.cancel();
  expect(await read(items)).toEqual(["cancelled"]);
  expect(happened).toEqual(["rolled back", "cancelled"]);
});

test("the reader of a stream gets the error outcome_unrecorded when a hook with the name settled throws an error", async () => {
  const failing = definePlugin(() => ({ name: "failing", hooks: { settled: () => Promise.reject(new Error("disk full")) } }));
  const numbers = handler({
    description: "Counts.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.Integer()),
    auth: anyone,
    async *handle() {
      yield 1;
    },
  });
  await using app = await bootTest({ handlers: { numbers }, plugins: [failing()] });
  const outcome = await app.as(principal()).call("numbers");
  expect(outcome.ok && (await read(outcome.value as AsyncIterable<unknown>))).toEqual([1, "outcome_unrecorded"]);
});

test.each<[string, unknown, unknown, boolean]>([
  ["what matches", Type.Object({ a: Type.Integer() }), { a: 1 }, true],
  ["a field too many", Type.Object({ a: Type.Integer() }), { a: 1, b: 2 }, false],
  ["a date where anything may be", Type.Object({ a: Type.Unknown() }), { a: new Date(0) }, false],
  ["a big integer where anything may be", Type.Object({ a: Type.Any() }), { a: 1n }, false],
  ["JSON where anything may be", Type.Object({ a: Type.Unknown() }), { a: { b: [null] } }, true],
  ["nothing, without a schema", undefined, undefined, true],
  ["JSON, without a schema", undefined, { a: [1, "x", null, true] }, true],
  ["a field that is undefined, without a schema", undefined, { a: undefined }, true],
  ["NaN, without a schema", undefined, [Number.NaN], false],
  ["a map, without a schema", undefined, new Map(), false],
  ["an object of no class at all, without a schema", undefined, Object.create(Object.create(null)), false],
  ["a function, without a schema", undefined, { a: () => 1 }, false],
])(
  "a call ends with an error when the result of the handler is not JSON or does not fit the output schema: %s",
  async (_name, output, value, isFine) => {
    const give = handler({
      description: "Gives.",
      effect: "read",
      input: Type.Object({}),
      auth: anyone,
      handle: () => value,
      ...(output === undefined ? {} : { output }),
    } as never);
    await using app = await bootTest({ handlers: { give } });
    expect(await app.as(principal()).call("give")).toMatchObject(
      isFine ? { ok: true } : { ok: false, error: { code: "internal" } },
    );
  },
);

const circular = (): unknown => {
  const around: { self?: unknown } = {};
  around.self = around;
  return around;
};
const Named = Type.Object({ name: Type.String() });

// The log is for the author of the handler: what it returned, and what to write instead.
test.each<[string, unknown, () => unknown, string]>([
  [
    "an array in place of a stream",
    stream(Type.Integer()),
    () => [1],
    "give declares output: stream(...), but its handle returned an array. Write",
  ],
  [
    "a promise of an array in place of a stream",
    stream(Type.Integer()),
    async () => [1],
    "its handle returned an array. Write async *handle(...) and yield each item",
  ],
  ["nothing for a stream", stream(Type.Integer()), () => undefined, "its handle returned nothing. Write async *handle(...)"],
  [
    "nothing in place of a stream",
    stream(Type.Integer()),
    () => undefined,
    "its handle returned nothing. Write async *handle(...)",
  ],
  [
    "a synchronous generator in place of a stream",
    stream(Type.Integer()),
    function* () {
      yield 1;
    },
    "its handle returned a generator. Write async *handle(...)",
  ],
  [
    "a generator without an output schema",
    undefined,
    async function* () {
      yield 1;
    },
    "The output of give cannot be sent as JSON: the value contains an async generator: declare output: stream(...)",
  ],
  [
    "a generator in place of a value",
    Named,
    async function* () {
      yield 1;
    },
    "/name is required: declare output: stream(...)",
  ],
  [
    "a circular object without an output schema",
    undefined,
    circular,
    "The output of give cannot be sent as JSON: the value contains itself or is nested too deeply",
  ],
  [
    "a circular object where the schema accepts any value",
    Type.Object({ a: Type.Any() }),
    () => ({ a: circular() }),
    "cannot be sent as JSON: the value contains itself",
  ],
  [
    "nothing in place of a value",
    Named,
    () => undefined,
    "does not match its schema: the value must be an object: return a value, or remove output",
  ],
  ["a value of another type", Named, () => 1, "The output of give does not match its schema: the value must be an object\n"],
  [
    "a field of another type",
    Named,
    () => ({ name: 1 }),
    "The output of give does not match its schema: /name must be a string\n",
  ],
  [
    "a throw of undefined",
    undefined,
    () => Promise.reject(undefined),
    "Error: The code threw undefined, which is not an Error. Throw an Error",
  ],
])(
  "the log contains the cause when the output of a handler does not fit its schema: %s",
  async (_name, output, handle, sentence) => {
    const about = { description: "Gives.", effect: "read", input: Type.Object({}), auth: anyone } as const;
    const give = handler({ ...about, handle, ...(output === undefined ? {} : { output }) } as never);
    await using app = await bootTest({ handlers: { give } });
    expect(await app.as(principal()).call("give")).toMatchObject({ ok: false, error: { code: "internal" } });
    expect(app.log.map(({ fields }) => fields["error"])).toEqual([expect.stringContaining(sentence)]);
  },
);

test("a stream whose source throws undefined ends with internal and rolls back its resources", async () => {
  const { app, happened, items } = await streaming(async function* () {
    yield 1;
    throw undefined;
  });
  expect(await read(items)).toEqual([1, "internal"]);
  await app.stop();
  expect(happened).toEqual(["rolled back", "internal"]);
  expect(app.log[0]?.fields["error"]).toContain("The code threw undefined, which is not an Error. Throw an Error");
});
