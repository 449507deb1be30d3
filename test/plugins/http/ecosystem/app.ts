// Mounts middleware of the Koa ecosystem as its own pages say, without a cast, and answers what was seen of it.

import multer from "@koa/multer";
import compress from "koa-compress";
import helmet from "koa-helmet";
import session from "koa-session";
import serveStatic from "koa-static";
import { anyone, handler, Type } from "quater";
import { httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { http } from "quater/plugins";
import { bootTest } from "quater/testing";

const ecosystem = definePlugin(() => ({
  name: "ecosystem",
  needs: [httpRef],
  setup: ({ services }) => {
    services.get(httpRef).mount("middleware of Koa", ({ app, router }) => {
      app.keys = ["a key that signs the cookie of the session"];
      app.use(helmet());
      app.use(compress({ threshold: 0 }));
      app.use(session({ key: "sid", sameSite: "lax" }, app));
      app.use(serveStatic(process.argv[2] ?? "."));
      const upload = multer();
      router.post("/upload/:album", upload.single("photo"), (ctx) => {
        ctx.body = { album: ctx.params["album"], bytes: ctx.file.size, name: ctx.file.originalname };
      });
      router.get("/visits", (ctx) => {
        if (ctx.session === null) ctx.throw(500, "There is no session");
        ctx.session["visits"] = Number(ctx.session["visits"] ?? 0) + 1;
        ctx.cookies.set("seen", "yes");
        ctx.body = { visits: ctx.session["visits"], seen: ctx.cookies.get("seen") ?? "no" };
      });
      router.get("/moved", (ctx) => ctx.redirect("/visits"));
    });
  },
}));

const hello = handler({
  description: "Greet.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: () => ({ text: "hello ".repeat(100) }),
});

await using app = await bootTest({
  handlers: { hello },
  expose: { hello: { http: "GET /hello", public: true } },
  plugins: [http({ port: 0 }), ecosystem()],
});
const base = app.services.get(httpRef).baseUrl ?? "";
const seen = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${base}${path}`, { redirect: "manual", ...init });
  return { response, header: (name: string) => response.headers.get(name), text: await response.text() };
};

const greeted = await seen("/hello");
const first = await seen("/visits");
const cookie = first.response.headers
  .getSetCookie()
  .map((line) => line.split(";", 1)[0])
  .join("; ");
const second = await seen("/visits", { headers: { cookie } });
const form = new FormData();
form.append("photo", new Blob(["123456"]), "cat.png");
const uploaded = await seen("/upload/pets", { method: "POST", body: form });
const moved = await seen("/moved");
const file = await seen("/koa.txt");

process.stdout.write(
  JSON.stringify({
    helmet: { frame: greeted.header("x-frame-options"), sniff: greeted.header("x-content-type-options") },
    compress: { encoding: greeted.header("content-encoding"), text: greeted.text },
    session: [JSON.parse(first.text), JSON.parse(second.text)],
    multer: JSON.parse(uploaded.text),
    redirect: { status: moved.response.status, location: moved.header("location") },
    static: { text: file.text, type: file.header("content-type"), status: file.response.status },
  }),
);
