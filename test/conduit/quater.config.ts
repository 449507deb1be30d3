// Conduit, the blog of the RealWorld project. `npm run quater -- --config test/conduit/quater.config.ts serve` serves it.

import { defineConfig, expose } from "quater";
import { http } from "quater/plugins";
import { errorFormat } from "./refusals.ts";
import { sessions } from "./session.ts";

const article = { body: "article", answer: "article" } as const;
const user = { body: "user", answer: "user" } as const;

export default defineConfig({
  name: "conduit",
  handlers: [
    expose(() => import("./users.ts"), {
      register: { http: { route: "POST /users", status: 201, ...user }, public: true },
      logIn: { http: { route: "POST /users/login", ...user }, public: true },
      getUser: { http: { route: "GET /user", answer: "user" } },
      updateUser: { http: { route: "PUT /user", ...user, extra: "drop" } }, // clients send the whole user, with the token
      getProfile: { http: { route: "GET /profiles/:username", answer: "profile" }, public: true },
      follow: { http: { route: "POST /profiles/:username/follow", answer: "profile", extra: "drop" } },
      unfollow: { http: { route: "DELETE /profiles/:username/follow", answer: "profile" } },
    }),
    expose(() => import("./articles.ts"), {
      listArticles: { http: "GET /articles", public: true },
      feed: { http: "GET /articles/feed" },
      getArticle: { http: { route: "GET /articles/:slug", answer: "article" }, public: true },
      createArticle: { http: { route: "POST /articles", status: 201, ...article } },
      updateArticle: { http: { route: "PUT /articles/:slug", ...article } },
      deleteArticle: { http: { route: "DELETE /articles/:slug", status: 204 } },
      favorite: { http: { route: "POST /articles/:slug/favorite", answer: "article", extra: "drop" } },
      unfavorite: { http: { route: "DELETE /articles/:slug/favorite", answer: "article" } },
      listTags: { http: { route: "GET /tags", answer: "tags" }, public: true },
    }),
    expose(() => import("./comments.ts"), {
      listComments: { http: { route: "GET /articles/:slug/comments", answer: "comments" }, public: true },
      addComment: { http: { route: "POST /articles/:slug/comments", status: 201, body: "comment", answer: "comment" } },
      deleteComment: { http: { route: "DELETE /articles/:slug/comments/:id", status: 204 } },
    }),
  ],
  plugins: [
    http({
      port: Number(process.env["PORT"] ?? 3000),
      prefix: "/api",
      authenticate: sessions,
      problem: errorFormat,
      allowedOrigins: "any",
    }),
  ],
});
