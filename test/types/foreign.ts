// What the compiler infers from a schema of Zod. Compiled by `tsc`, never run.

import { anyone, handler, type InputOf, type OutputOf, stream } from "quater";
import { z } from "zod";
import type { CallerInputOf } from "../../core/model/handler.ts";

type Same<A, B> = (<Value>() => Value extends A ? 1 : 2) extends <Value>() => Value extends B ? 1 : 2 ? true : false;
const same = <A, B>(_proof: Same<A, B>): void => {};

export const order = handler({
  description: "Orders.",
  effect: "write",
  input: z.object({ id: z.string(), count: z.int().default(1), note: z.string().optional() }),
  output: z.object({ id: z.string(), state: z.enum(["open", "paid"]) }),
  auth: anyone,
  handle: ({ id, count, note }) => {
    same<typeof note, string | undefined>(true);
    return { id, state: count > 1 ? "open" : "paid" };
  },
});
same<InputOf<typeof order>, { id: string; count: number; note?: string | undefined }>(true);
same<OutputOf<typeof order>, { id: string; state: "open" | "paid" }>(true);

// Callers may leave out what has a default.
export const callers: CallerInputOf<typeof order>[] = [{ id: "o7" }, { id: "o7", count: 2, note: "x" }];
// @ts-expect-error id has no default
export const missing: CallerInputOf<typeof order> = { count: 2 };

export const orders = handler({
  description: "Orders.",
  effect: "read",
  input: z.object({}),
  output: stream(z.object({ id: z.string() })),
  auth: anyone,
  async *handle() {
    yield { id: "o7" };
  },
});
same<OutputOf<typeof orders>, AsyncIterable<{ id: string }>>(true);

handler({
  description: "Orders.",
  effect: "read",
  input: z.object({}),
  output: z.object({ id: z.string() }),
  auth: anyone,
  // @ts-expect-error the output has a string
  handle: (_) => ({ id: 7 }),
});
