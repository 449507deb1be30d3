// A server for the overload test: one route that computes, and one whose calls wait for one of four places.

import { setTimeout } from "node:timers/promises";
import { anyone, defineConfig, expose, handler, Type } from "quater";
import { http } from "quater/http";
import { serveForParent } from "./serving-child.ts";

const about = { effect: "read", auth: anyone, input: Type.Object({}) } as const;
const placeCount = 4;
let free = placeCount;
const waiting: (() => void)[] = [];

const handlers = {
  compute: handler({
    ...about,
    description: "Computes for 10 ms.",
    handle: () => {
      const end = performance.now() + 10;
      let sum = 0;
      while (performance.now() < end) sum++;
      return sum > 0;
    },
  }),
  wait: handler({
    ...about,
    description: "Waits for a place, as for a connection to a database, and holds it for 20 ms.",
    handle: async () => {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      await setTimeout(20);
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
      return true;
    },
  }),
};

const manifest = defineConfig({
  name: "busy",
  handlers: [
    expose(async () => handlers, {
      compute: { http: "GET /compute", public: true },
      wait: { http: "GET /wait", public: true },
    }),
  ],
  // What the slower route answers in about half a second.
  plugins: [http({ port: 0, maxRequests: 100 })],
});

await serveForParent(manifest);
