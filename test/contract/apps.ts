// The apps whose documents are tested: the sample shop and Conduit, each with its callers.

import { join } from "node:path";
import { http, httpRef } from "quater/http";
import { approval } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import shopManifest from "../../quater.config.ts";
import conduitManifest from "../conduit/quater.config.ts";
import { Document } from "./document.ts";
import type { Target } from "./traffic.ts";

export interface Running extends AsyncDisposable {
  readonly target: Target;
  /** The document as text, for tools that read a file. */
  readonly text: string;
}

const running = async (app: TestApp, of: Omit<Target, "baseUrl" | "document">): Promise<Running> => {
  const service = app.services.get(httpRef);
  const document = await service.openApi(undefined);
  return {
    target: { ...of, baseUrl: service.baseUrl ?? "", document: new Document(document) },
    text: JSON.stringify(document),
    [Symbol.asyncDispose]: () => app.stop(),
  };
};

const staff = {
  scopes: ["orders:read", "orders:write", "orders:refund", "customers:read", "customers:write", "reports:read"],
  roles: ["admin", "finance", "support"],
  claims: { customerId: "cus_101" },
};

/** SHOP_DB must name a new file. */
export const shop = async (): Promise<Running> => {
  const authenticate = tokens({
    staff: principal({ subject: "staff", ...staff }),
    bea: principal({ subject: "bea", roles: ["finance", "admin"] }),
    nobody: principal({ subject: "nobody" }),
  });
  const policies = {
    finance: { approvers: [{ role: "finance", need: 1 }] },
    purge: { approvers: [{ role: "admin", need: 2 }] },
  };
  const own = [http({ port: 0, authenticate }), approval({ authenticate, publicUrl: "http://127.0.0.1:3000", policies })];
  const plugins = shopManifest.plugins.map((plugin) => own.find(({ name }) => name === plugin.name) ?? plugin);
  return running(await bootTest({ ...shopManifest, plugins }, { isolated: true }), {
    callers: ["staff", "bea", "nobody"].map((token) => ({ authorization: `Bearer ${token}` })),
    learns: {
      orderId: ["orders.id", "id"],
      cursor: ["orders.id"],
      customerId: ["customers.id", "customerId"],
      id: ["approval.id", "requests.id"],
      digest: ["requests.digest"],
    },
    dropping: [],
    rules: [/must have a name or an email to change/, /must not be before from/, /must be within \d+ days of from/],
    placesOf: (body) => ((body as { errors?: { path: string }[] }).errors ?? []).map(({ path }) => path),
  });
};

export const conduit = async (): Promise<Running> => {
  const app = await bootTest(conduitManifest, { isolated: true });
  const base = `${app.services.get(httpRef).baseUrl}/api`;
  const token = async (username: string) => {
    const response = await fetch(`${base}/users`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: { username, email: `${username}@test.com`, password: "password123" } }),
    });
    return ((await response.json()) as { user: { token: string } }).user.token;
  };
  const callers = [];
  for (const name of ["ana", "bea"]) callers.push({ authorization: `Token ${await token(name)}` });
  return running(app, {
    callers,
    learns: {
      slug: ["article.slug", "articles.slug"],
      username: ["profile.username", "article.author.username"],
      author: ["article.author.username"],
      tag: ["tags"],
      id: ["comment.id", "comments.id"],
    },
    dropping: ["updateUser", "follow", "favorite"],
    rules: [],
    placesOf: (body) => Object.keys((body as { errors?: object }).errors ?? {}).map((name) => `/${name}`),
  });
};

/** The value of SHOP_DB. */
export const shopFile = (folder: string): string => join(folder, "shop.db");
