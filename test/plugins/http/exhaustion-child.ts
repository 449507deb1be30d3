// A server for the exhaustion test: public routes with what attackers look for.

import { anyone, defineConfig, expose, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { createKernel } from "../../../core/kernel.ts";

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
  people: handler({
    ...about,
    description: "Takes people by address.",
    input: Type.Object({ people: Type.Record(Type.String({ pattern: mail }), Type.Object({})) }),
    handle: () => null,
  }),
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
      people: { http: "POST /people", public: true },
      tags: { http: "POST /tags", public: true },
    }),
  ],
  plugins: [http({ port: 0 })],
  // Above what the answers of the attack have, so that they are sent; the default would refuse them.
  ...(process.env["MAX_OUTPUT"] === undefined ? {} : { maxOutputBytes: Number(process.env["MAX_OUTPUT"]) }),
});

const silent = () => {};
const kernel = await createKernel({
  loaded: { manifest, file: "quater.config.ts", root: process.cwd(), placeOf: () => "quater.config.ts" },
  command: "serve",
  log: { info: silent, warn: silent, error: silent },
});
await kernel.start();
process.send?.(kernel.services.get(httpRef).baseUrl);
process.on("disconnect", () => process.exit(0));
