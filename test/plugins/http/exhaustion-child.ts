// A server for the exhaustion test: public routes with what attackers look for.

import { setTimeout } from "node:timers/promises";
import { anyone, defineConfig, expose, handler, stream, Type } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { anonymous } from "quater/plugin-api";
import { serveForParent } from "./serving-child.ts";

const about = { effect: "read", auth: anyone } as const;
const mail = "^\\S+@\\S+\\.\\S+$";
const handlers = {
  hello: handler({ ...about, description: "Says hello.", input: Type.Object({}), handle: () => ({ hello: "there" }) }),
  large: handler({
    ...about,
    description: "Gives a large answer.",
    input: Type.Object({ bytes: Type.Integer() }),
    handle: ({ bytes }) => "x".repeat(bytes),
  }),
  later: handler({
    ...about,
    description: "Waits, so that many calls run at once, and gives a large answer.",
    input: Type.Object({ bytes: Type.Integer() }),
    handle: async ({ bytes }) => {
      await setTimeout(300);
      return "x".repeat(bytes);
    },
  }),
  items: handler({
    ...about,
    description: "Gives large items, each after a wait.",
    input: Type.Object({ bytes: Type.Integer(), count: Type.Integer() }),
    output: stream(Type.String()),
    handle: async function* ({ bytes, count }) {
      for (let at = 0; at < count; at++) {
        await setTimeout(300);
        yield "x".repeat(bytes);
      }
    },
  }),
  told: handler({
    ...about,
    description: "Reports progress, waits, and gives a large answer.",
    input: Type.Object({ bytes: Type.Integer() }),
    handle: async ({ bytes }, { progress }) => {
      progress(0.5, "half");
      await setTimeout(300);
      return "x".repeat(bytes);
    },
  }),
  people: handler({
    ...about,
    description: "Takes people by address.",
    input: Type.Object({ people: Type.Record(Type.String({ pattern: mail }), Type.Object({})) }),
    handle: () => null,
  }),
  form: handler({ ...about, description: "Takes a form.", input: Type.Object({ text: Type.String() }), handle: () => null }),
  tags: handler({
    ...about,
    description: "Takes tags.",
    input: Type.Object({ tags: Type.Array(Type.Any(), { uniqueItems: true }) }),
    handle: () => null,
  }),
};

const manifest = defineConfig({
  name: "target",
  handlers: [
    expose(async () => handlers, {
      hello: { http: "GET /hello", public: true },
      large: { http: "GET /large", public: true },
      later: { http: "GET /later", mcp: true, public: true },
      items: { http: "GET /items", mcp: true, public: true },
      told: { mcp: true },
      people: { http: "POST /people", public: true },
      form: { http: { route: "POST /form", forms: true }, public: true },
      tags: { http: "POST /tags", public: true },
    }),
  ],
  plugins: [http({ port: 0 }), mcp({ authenticate: () => anonymous })],
  // Above what the answers of the attack have, so that they are sent; the default would refuse them.
  ...(process.env["MAX_OUTPUT"] === undefined ? {} : { maxOutputBytes: Number(process.env["MAX_OUTPUT"]) }),
});

await serveForParent(manifest);
