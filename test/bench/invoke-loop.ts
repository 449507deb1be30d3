// The process that test/bench/before.ts times: for every line on standard input it makes 20,000 calls through the gate and
// prints how many milliseconds of CPU time they took.

import { createInterface } from "node:readline";
import { can, handler, Type } from "quater";
import type { Gate, PluginContext } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";

const calls = 20_000;
const echo = handler({
  description: "Echo.",
  effect: "read",
  input: Type.Object({ text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) }),
  auth: can("echo"),
  handle: async ({ text, limit }) => ({ text, limit }),
});
// Checkouts from before `quater/plugin-api` are measured, too.
const { definePlugin } = await import("quater/plugin-api").catch(() => import("quater" as "quater/plugin-api"));
let gate: Gate | undefined;
const holding = definePlugin(() => ({
  name: "holding",
  setup: (context: PluginContext) => {
    gate = context.gate;
  },
}));
const app = await bootTest({ handlers: { echo }, plugins: [holding()] });
const who = principal({ scopes: ["echo"] });
for await (const _line of createInterface(process.stdin)) {
  const begin = process.cpuUsage();
  for (let n = 0; n < calls; n++) {
    const values = { text: "some-text", limit: 20 };
    await (gate as unknown as Gate).invoke({
      handler: "echo",
      surface: "direct",
      principal: who,
      given: [{ from: "body", isText: false, values }],
    });
  }
  const { user, system } = process.cpuUsage(begin);
  process.stdout.write(`${(user + system) / 1_000}\n`);
}
await app.stop();
process.exit(0);
