// The server that test/bench/audit.ts measures, in a process of its own: `audit-server.ts <variant> <folder> [url]` prints
// its port and ends with its standard input.

import { once } from "node:events";
import { anyone, defineConfig, expose, handler, Type } from "quater";
import { httpRef } from "quater/http";
import { audit, http, store } from "quater/plugins";
import { bootTest } from "quater/testing";

const [variant = "", root = "", url] = process.argv.slice(2);

const change = (effect: "read" | "write") =>
  handler({
    description: "Changes nothing, like the fastest of writes.",
    effect,
    input: Type.Object({ text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) }),
    auth: anyone,
    handle: ({ text, limit }) => ({ text, limit }),
  });
const plugins = variant === "plain" ? [] : [store(url === undefined ? {} : { url }), audit()];
const manifest = defineConfig({
  name: "bench",
  handlers: [
    expose(async () => ({ write: change("write"), read: change("read") }), {
      write: { http: "POST /write", public: true },
      read: { http: "POST /read", public: true, ...(variant === "plain" ? {} : { audit: "off" }) },
    } as never),
  ],
  plugins: [http({ port: 0 }), ...plugins],
});
// Checkouts from before bootTest had `mode` and `services` are measured, too.
const app = await bootTest(manifest, { root, mode: "serve", ...({ command: "serve" } as object) });
const services = app.services ?? (app as unknown as { readonly kernel: typeof app }).kernel.services;
const { baseUrl } = services.get(httpRef);
process.stdout.write(`${new URL(baseUrl ?? "").port}\n`);
await once(process.stdin.resume(), "end");
await app.stop();
process.exit(0);
