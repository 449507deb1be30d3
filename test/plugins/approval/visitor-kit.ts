// A visitor of the approvals page that stores cookies like a browser, and a function that sends HTTP requests that no browser
// would send.

import { request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly socketPath?: string;
}

/** Sends one HTTP request with exactly the given headers. With `fetch`, a test could not forge Host, Origin or Sec-Fetch-Site. */
export const send = (url: string, { method = "GET", headers = {}, body, socketPath }: Sent = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sending = request(url, { method, headers: headers as Record<string, string>, socketPath }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts).toString("utf8") }),
      );
    });
    sending.on("error", reject);
    sending.end(body);
  });

/**
 * A visitor that follows no redirects, stores cookies, and sends the same Sec-Fetch-Site and Origin headers as a browser on the
 * approvals page.
 */
export class Visitor {
  readonly baseUrl: string;
  readonly cookies = new Map<string, string>();

  constructor(baseUrl: string) {
    this.baseUrl = baseUrl;
  }

  async get(path: string, headers: Sent["headers"] = {}): Promise<Answer> {
    return this.#sent(path, { headers: { "sec-fetch-site": "same-origin", ...headers } });
  }

  async post(path: string, fields: Readonly<Record<string, string>>, headers: Sent["headers"] = {}): Promise<Answer> {
    return this.#sent(path, {
      method: "POST",
      headers: {
        "sec-fetch-site": "same-origin",
        origin: this.baseUrl,
        "content-type": "application/x-www-form-urlencoded",
        ...headers,
      },
      body: new URLSearchParams(fields).toString(),
    });
  }

  /** Loads the sign-in page, fills in the form of the page, and sends the form. */
  async signIn(given: { readonly key?: string; readonly code?: string; readonly next?: string }): Promise<Answer> {
    const form = formIn((await this.get("/approvals/sign-in")).body);
    return this.post("/approvals/sign-in", { ...form, ...given });
  }

  async #sent(path: string, how: Sent): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await send(`${this.baseUrl}${path}`, {
      ...how,
      headers: { ...(cookie === "" ? {} : { cookie }), ...how.headers },
    });
    for (const line of [answer.headers["set-cookie"] ?? []].flat()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }
}

/** Returns the hidden fields of the last form on a page. */
export const formIn = (page: string): Record<string, string> => {
  const [, last = ""] = /.*<form[^>]* method="post"([\s\S]*?)<\/form>/.exec(page.replaceAll("\n", " ")) ?? [];
  return Object.fromEntries(
    [...last.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(([, name, value]) => [name, value]),
  );
};

/** Returns the error code on the page for a refused HTTP request. */
export const codeOn = ({ body }: Answer): string | undefined =>
  /role="alert">[\s\S]*?<code>([a-z_]+)<\/code>/.exec(body)?.[1] ??
  (body.startsWith("{") ? (JSON.parse(body) as { code: string }).code : undefined);
