// A manifest for `quater serve`, with and without the access log. Like `servers.ts`, this process prints its port for the
// benchmark, and prints its CPU time so far for every line that it reads.

import { createInterface } from "node:readline";
import { anyone, defineConfig, expose, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { principal, tokens } from "quater/testing";

const names = Array.from({ length: 10 }, (_, n) => n);

const reporting = definePlugin(() => ({
  name: "reporting",
  needs: [httpRef],
  setup: ({ services }) => ({
    start: () => {
      process.stdout.write(`${new URL(services.get(httpRef).baseUrl ?? "").port}\n`);
      const lines = createInterface(process.stdin);
      lines.on("line", () => {
        const { user, system } = process.cpuUsage();
        process.stdout.write(`${user} ${system}\n`);
      });
      lines.on("close", () => process.kill(process.pid, "SIGTERM"));
    },
  }),
}));

const item = (n: number) =>
  handler({
    description: `Item ${n}.`,
    effect: "read",
    input: Type.Object({ text: Type.String({ maxLength: 100 }), limit: Type.Integer({ minimum: 1 }) }),
    output: Type.Object({
      n: Type.Integer(),
      text: Type.String(),
      limit: Type.Integer(),
      items: Type.Array(Type.String()),
    }),
    auth: anyone,
    handle: ({ text, limit }) => ({ n, text, limit, items: ["a", "b", "c"] }),
  });

export default defineConfig({
  name: "bench",
  handlers: [
    expose(
      async () => Object.fromEntries(names.map((n) => [`item${n}`, item(n)])),
      Object.fromEntries(names.map((n) => [`item${n}`, { http: `GET /items${n}/:text` }])),
    ),
  ],
  plugins: [
    http({ port: 0, authenticate: tokens({ key: principal() }), accessLog: process.env["ACCESS_LOG"] === "1" }),
    reporting(),
  ],
});
