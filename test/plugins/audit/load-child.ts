// A process under load, to be killed, starved and cut off: `load-child <folder> <url or -> <loops>`. One JSON line per
// answer, written once the answer is there; it ends when its standard input does.

import { randomUUID } from "node:crypto";
import { anyone, handler, Type } from "quater";
import { audit, store } from "quater/plugins";
import { bootTest, principal } from "quater/testing";
import { kernelOf } from "../../../core/testing/kernel-of.ts";

const [root = "", url = "-", loops = "8"] = process.argv.slice(2);

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const input = Type.Object({ n: Type.Integer() });
const about = { input, auth: anyone } as const;

const app = await bootTest({
  root,
  mode: "serve",
  drainMs: 1_000,
  handlers: {
    pay: handler({
      ...about,
      description: "Pays.",
      effect: "write",
      handle: ({ n }, { callId }) => {
        say({ ran: callId });
        return { n };
      },
    }),
    look: handler({ ...about, description: "Looks.", effect: "read", handle: ({ n }) => ({ n }) }),
  },
  plugins: [store(url === "-" ? {} : { url }), audit()],
});
const kernel = kernelOf(app);
let isStopping = false;
process.stdin.resume().once("end", () => {
  isStopping = true;
});

const call = async (name: string, n: number): Promise<boolean> => {
  const callId = randomUUID();
  const begin = Date.now();
  const outcome = await kernel.invoke({
    handler: name,
    surface: "direct",
    principal: principal(),
    given: [{ from: "arguments", isText: false, values: { n } }],
    callId,
  });
  say({ call: callId, name, code: outcome.ok ? "ok" : outcome.error.code, ms: Date.now() - begin, at: Date.now() });
  return outcome.ok;
};

const loop = async (): Promise<void> => {
  for (let n = 0; !isStopping; n++) {
    const isFine = await call("pay", n);
    if (n % 20 === 0 || !isFine) await call("look", n);
    if (!isFine) await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
say({ ready: (await kernel.unready()).length === 0 });
await Promise.all(Array.from({ length: Number(loops) }, loop));
say({ unready: await kernel.unready() });
await app.stop();
