// The process that test/bench/before.ts times: for every line on standard input it makes 20,000 calls through the gate and
// prints how many milliseconds they took.

import { createInterface } from "node:readline";
import { can, handler, Type } from "quater";
import { bootTest, principal } from "quater/testing";
import { kernelOf } from "../../core/testing/kernel-of.ts";

const calls = 20_000;
const echo = handler({
  description: "Echo.",
  effect: "read",
  input: Type.Object({ text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) }),
  auth: can("echo"),
  handle: async ({ text, limit }) => ({ text, limit }),
});
const app = await bootTest({ handlers: { echo } });
const who = principal({ scopes: ["echo"] });
for await (const _line of createInterface(process.stdin)) {
  const begin = performance.now();
  for (let n = 0; n < calls; n++) {
    const values = { text: "some-text", limit: 20 };
    await kernelOf(app).invoke({
      handler: "echo",
      surface: "direct",
      principal: who,
      given: [{ from: "body", isText: false, values }],
    });
  }
  process.stdout.write(`${performance.now() - begin}\n`);
}
await app.stop();
process.exit(0);
