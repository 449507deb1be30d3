// The handlers of the small backend for the tests of the MCP surface.

import { anyone, authenticated, can, conflict, handler, hasRole, stream, Type } from "quater";

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
  description: "Exposed only over HTTP.",
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

export const handlers = { add, names, note, wipe, audit, fail, count, steps, chatty, hidden };
