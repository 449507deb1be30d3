// What Conduit's tests share: a server of its own for every test, and requests as its clients send them.

import { httpRef } from "quater/http";
import { bootTest, type TestApp } from "quater/testing";
import manifest from "./quater.config.ts";

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of many answers, and expect() checks them
  readonly body: any;
  readonly headers: Headers;
}

export interface Client {
  readonly app: TestApp;
  /** `ask("PUT /user", { token, body })`. A body is sent as JSON, or as it is where it is a text. */
  readonly ask: (route: string, given?: { readonly token?: string; readonly body?: unknown }) => Promise<Answer>;
  /** Registers a user of this name. @returns The token. */
  readonly register: (name: string) => Promise<string>;
  /** Publishes an article. @returns The slug. */
  readonly publish: (token: string, title: string, more?: object) => Promise<string>;
}

export const conduit = async (): Promise<Client & AsyncDisposable> => {
  const app = await bootTest(manifest, { isolated: true });
  const base = `${app.services.get(httpRef).baseUrl}/api`;
  const ask: Client["ask"] = async (route, { token, body } = {}) => {
    const [method = "", path = ""] = route.split(" ");
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        "x-requested-with": "XMLHttpRequest",
        ...(token === undefined ? {} : { authorization: `Token ${token}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
  };
  const made = async (route: string, given: { readonly token?: string; readonly body: unknown }) => {
    const answer = await ask(route, given);
    if (answer.status !== 201)
      throw new Error(`${route} was answered with ${answer.status}: ${JSON.stringify([answer.body, app.log.at(-1)])}`);
    return answer.body;
  };
  return {
    app,
    ask,
    register: async (name) => {
      const user = { username: name, email: `${name}@test.com`, password: "password123" };
      return (await made("POST /users", { body: { user } })).user.token;
    },
    publish: async (token, title, more = {}) => {
      const article = { title, description: "About it", body: "All of it", ...more };
      return (await made("POST /articles", { token, body: { article } })).article.slug;
    },
    [Symbol.asyncDispose]: () => app.stop(),
  };
};
