// What the whole gate costs over calling the function behind a compiled check, in one process.

import { can, handler, Type } from "quater";
import { definePlugin, type Gate } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { Compile } from "typebox/compile";
import { median } from "./http.ts";

const input = Type.Object(
  { text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);
const handle = async ({ text, limit }: { text: string; limit: number }) => ({ text, limit });

/** @returns Microseconds per call that the gate adds, the median of the rounds. */
export const invokeOverhead = async (rounds: number): Promise<number> => {
  const echo = handler({ description: "Echo.", effect: "read", input, auth: can("echo"), handle });
  let gate: Gate | undefined;
  const holding = definePlugin(() => ({
    name: "holding",
    setup: (context) => {
      gate = context.gate;
    },
  }));
  await using _app = await bootTest({ handlers: { echo }, plugins: [holding()] });
  const who = principal({ scopes: ["echo"] });
  const check = Compile(input);
  const direct = async (values: unknown) => {
    if (!check.Check(values)) throw new Error("invalid");
    return { ok: true, value: await handle(values) };
  };
  const gated = (values: unknown) =>
    (gate as Gate).invoke({
      handler: "echo",
      surface: "direct",
      principal: who,
      given: [{ from: "body", isText: false, values }],
    });
  const time = async (call: (values: unknown) => Promise<unknown>) => {
    const calls = 100_000;
    const begin = performance.now();
    for (let n = 0; n < calls; n++) await call({ text: "some-text", limit: 20 });
    return ((performance.now() - begin) * 1000) / calls;
  };
  await time(direct);
  await time(gated);
  const overheads: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const base = await time(direct);
    overheads.push((await time(gated)) - base);
  }
  return median(overheads);
};
