// The handlers that the clients of others call. The file is JavaScript, so that starting the app needs no loader.

import { anyone, handler, stream, Type } from "quater";

const about = { effect: "read", auth: anyone };

export const add = handler({
  ...about,
  description: "Adds two numbers.",
  input: Type.Object({ a: Type.Number(), b: Type.Number({ default: 1 }) }),
  output: Type.Object({ sum: Type.Number() }),
  handle: ({ a, b }) => ({ sum: a + b }),
});

export const keep = handler({
  ...about,
  description: "Keeps a note.",
  effect: "write",
  input: Type.Object({ text: Type.String({ maxLength: 20 }) }),
  output: Type.Object({ kept: Type.String() }),
  handle: ({ text }) => ({ kept: text }),
});

export const readNote = handler({
  ...about,
  description: "Reads a note.",
  input: Type.Object({ text: Type.String() }),
  output: Type.String(),
  handle: ({ text }) => text,
});

const Rectangle = Type.Object({ kind: Type.Literal("rectangle"), width: Type.Number(), height: Type.Number() });
const Square = Type.Object({ kind: Type.Literal("square"), side: Type.Number() });
export const outline = handler({
  ...about,
  description: "Returns the length of the outline of a shape.",
  input: Type.Object({ shape: Type.Union([Rectangle, Square]) }),
  output: Type.Object({ length: Type.Number() }),
  handle: ({ shape }) => ({ length: shape.kind === "square" ? 4 * shape.side : 2 * (shape.width + shape.height) }),
});

/** The signs that calls in this process give and wait for, by name. */
const signs = new Map();
const signOf = (name) => {
  if (!signs.has(name)) {
    let give;
    const given = new Promise((resolve) => {
      give = resolve;
    });
    signs.set(name, { given, give });
  }
  return signs.get(name);
};
const Sign = Type.String({ description: "The name of a sign" });

/** Waits for a sign if the caller named signs. A caller that gives them proves that it has got the progress before them. */
const heard = (mark, number) => (mark === undefined ? undefined : signOf(`${mark} ${number}`).given);

export const steps = handler({
  ...about,
  description: "Works in two steps.",
  effect: "write",
  input: Type.Object({ mark: Type.Optional(Sign) }),
  output: Type.Object({ done: Type.Boolean() }),
  handle: async ({ mark }, { progress }) => {
    progress(0.5, "half");
    await heard(mark, 1);
    progress(1, "whole");
    await heard(mark, 2);
    return { done: true };
  },
});

export const count = handler({
  ...about,
  description: "Counts.",
  input: Type.Object({ to: Type.Integer({ minimum: 0 }), mark: Type.Optional(Sign) }),
  output: stream(Type.Object({ n: Type.Integer() })),
  async *handle({ to, mark }) {
    for (let n = 1; n <= to; n++) {
      yield { n };
      await heard(mark, n);
    }
  },
});

export const pay = handler({
  ...about,
  description: "Pays an amount. The money cannot be called back.",
  effect: "destructive",
  input: Type.Object({ cents: Type.Integer({ minimum: 1 }) }),
  output: Type.Object({ paid: Type.Integer() }),
  handle: ({ cents }) => ({ paid: cents }),
});

export const wait = handler({
  ...about,
  description: "Waits until the call is aborted.",
  effect: "write",
  input: Type.Object({ mark: Sign }),
  output: Type.Object({ waited: Type.Boolean() }),
  handle: async ({ mark }, { signal }) => {
    const aborted = signOf(`${mark} aborted`);
    signal.addEventListener("abort", () => aborted.give());
    signOf(`${mark} started`).give();
    await aborted.given;
    return { waited: true };
  },
});

export const give = handler({
  ...about,
  description: "Gives a sign.",
  effect: "write",
  input: Type.Object({ sign: Sign }),
  output: Type.Object({ given: Type.Boolean() }),
  handle: ({ sign }) => {
    signOf(sign).give();
    return { given: true };
  },
});

/** Guards against waiting for ever, milliseconds. */
const guardMs = 5_000;
export const until = handler({
  ...about,
  description: "Returns when a sign was given.",
  input: Type.Object({ sign: Sign }),
  output: Type.Object({ given: Type.Boolean() }),
  handle: async ({ sign }) => {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(false), guardMs);
    });
    const given = await Promise.race([signOf(sign).given.then(() => true), late]);
    clearTimeout(timer);
    return { given };
  },
});
