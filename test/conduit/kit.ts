// The functions that the tests of Conduit share. The functions start a server, and send HTTP requests like clients of Conduit.

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
  /**
   * Sends an HTTP request: `ask("PUT /user", { token, body })`. If the body is a text, the function sends the text unchanged.
   * Other bodies are sent as JSON.
   */
  readonly ask: (route: string, given?: { readonly token?: string; readonly body?: unknown }) => Promise<Answer>;
  /** Registers a user with the given name. @returns The token of the user. */
  readonly register: (name: string) => Promise<string>;
  /** Publishes an article. @returns The slug of the article. */
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
