// Sends HTTP requests to a remote. An HTTP request goes only to the host of the remote, never to a host that a server names, so a
// token never reaches another host. The library undici handles proxies and certificates.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as tls from "node:tls";
import { loopbackHosts } from "../../../core/model/loopback.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { Env } from "../program/context.ts";
import { linesType } from "../serving/protocol.ts";
import { Distrusted, quoted, strangeAnswer, unreachable } from "./distrust.ts";

/** The functions and classes of the library undici that this file uses. */
interface Undici {
  readonly EnvHttpProxyAgent: new (options: object) => Dispatcher;
  readonly Agent: new (options: object) => Dispatcher;
  readonly request: (url: string, options: object) => Promise<Received>;
}

interface Dispatcher {
  readonly destroy: () => Promise<void>;
}

interface Received {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Buffer> & { readonly destroy: () => void };
}

/** The address of a server: a remote, or an authorization server. */
export interface Target {
  /** The name of the server in error messages. */
  readonly name: string;
  /** The base URL of the server, without a slash at the end. */
  readonly url: string;
  /** The path of a file with certificates that the program trusts for this server, in addition to the certificates of Node. */
  readonly ca?: string | undefined;
}

export interface Asked {
  /** The path of an endpoint. The program chooses this path, and no answer of a server names it. */
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly token?: string | undefined;
  readonly body?: { readonly type: string; readonly text: string };
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** The media type of the HTTP response without parameters, in lower case. */
  readonly type: string;
  /** The call id that the server sent. The text is empty if the server sent no call id. */
  readonly callId: string;
  /**
   * Yields the lines of the HTTP response, or its whole text as one line. Closes the connection when the reader stops reading.
   */
  readonly lines: () => AsyncGenerator<string>;
  /** Closes the connection to the server. */
  readonly close: () => void;
}

const limits = {
  /** The longest time for opening a connection, and the longest silence in an HTTP response, in milliseconds. */
  connectMs: 10_000,
  silenceMs: 60_000,
  /** The shortest pause between two polls of a device login, in milliseconds. */
  pollMs: 1_000,
  /** The largest size of a remote's document or error, and the largest size of one line of a result, in bytes. */
  documentBytes: 4 * 1024 * 1024,
  lineBytes: 64 * 1024 * 1024,
} as const;

/** The limits of HTTP requests to remotes. Tests pass shorter limits. */
export type Limits = { readonly [Name in keyof typeof limits]: number };
let chosen: Limits = limits;

export const limitsNow = (): Limits => chosen;

/** Replaces the limits of HTTP requests in tests. @returns A function that restores the limits. */
export const useLimits = (given: Partial<Limits>): (() => void) => {
  chosen = { ...limits, ...given };
  return () => {
    chosen = limits;
  };
};

/**
 * Sends an HTTP request to a remote or to an authorization server.
 *
 * @throws {Distrusted} for a redirect. `lines()` throws the same error for an HTTP response that is too large.
 * @throws {QuaterError} `remote_unreachable` when the server sends no HTTP response: see `hasNotLeft`.
 */
export const send = async (env: Env, target: Target, asked: Asked): Promise<Answer> => {
  const { name, url } = target;
  const undici = createRequire(import.meta.url)("undici") as Undici;
  const dispatcher = dispatcherFor(undici, env, target);
  const close = () => void dispatcher.destroy().catch(() => {});
  let received: Received;
  try {
    received = await undici.request(`${url}${asked.path}`, {
      dispatcher,
      method: asked.method,
      headers: {
        accept: `application/json, ${linesType}`,
        "user-agent": "quater",
        ...(asked.token === undefined ? {} : { authorization: `Bearer ${asked.token}` }),
        ...(asked.body === undefined ? {} : { "content-type": asked.body.type }),
      },
      ...(asked.body === undefined ? {} : { body: asked.body.text }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    });
  } catch (error) {
    close();
    throw asked.signal?.aborted === true ? error : failureOf(name, error);
  }
  const { statusCode: status, headers, body } = received;
  if (status >= 300 && status < 400) {
    close();
    throw redirected(target, headers["location"]);
  }
  const type = String(headers["content-type"] ?? "")
    .split(";", 1)[0]
    ?.trim()
    .toLowerCase() as string;
  const isLines = type === linesType;
  async function* lines(): AsyncGenerator<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const most = isLines || asked.method === "POST" ? chosen.lineBytes : chosen.documentBytes;
    let waiting: Buffer[] = [];
    let length = 0;
    const line = () => {
      const bytes = Buffer.concat(waiting);
      waiting = [];
      length = 0;
      try {
        return decoder.decode(bytes);
      } catch {
        throw strangeAnswer(name, "answered with text that is not valid UTF-8");
      }
    };
    try {
      for await (const part of body) {
        let from = 0;
        for (let at = part.indexOf(10); isLines && at !== -1; at = part.indexOf(10, from)) {
          waiting.push(part.subarray(from, at));
          from = at + 1;
          yield line();
        }
        const rest = part.subarray(from);
        length += rest.length;
        if (length > most) throw strangeAnswer(name, `answered with more than ${Math.round(most / 1024 / 1024)} MiB at once`);
        if (rest.length > 0) waiting.push(rest);
      }
      if (length > 0) yield line();
    } catch (error) {
      if (error instanceof Distrusted || asked.signal?.aborted === true) throw error;
      throw failureOf(name, error);
    } finally {
      close();
    }
  }
  const callId = /^[0-9a-f-]{36}$/.exec(String(headers["x-request-id"] ?? ""))?.[0] ?? "";
  return { status, type, callId, lines, close };
};

const dispatcherFor = ({ Agent, EnvHttpProxyAgent }: Undici, env: Env, { url, ca }: Target): Dispatcher => {
  const { connectMs, silenceMs } = chosen;
  const connect = { timeout: connectMs, ...(ca === undefined ? {} : { ca: certificatesWith(ca) }) };
  const options = { connect, requestTls: connect, headersTimeout: silenceMs, bodyTimeout: silenceMs, pipelining: 1 };
  // An HTTP request to this computer needs no proxy, and the request must not leave this computer unencrypted.
  if (loopbackHosts.includes(new URL(url).hostname)) return new Agent(options);
  return new EnvHttpProxyAgent({
    ...options,
    httpProxy: "",
    httpsProxy: env["HTTPS_PROXY"] ?? env["https_proxy"] ?? "",
    noProxy: env["NO_PROXY"] ?? env["no_proxy"] ?? "",
  });
};

/** Returns the certificates that Node trusts, and the certificates in a file. @throws {Distrusted} if the file does not exist. */
const certificatesWith = (file: string): readonly string[] => {
  if (!existsSync(file))
    throw new Distrusted(`The file with certificates ${file} does not exist. Add the remote again with --ca FILE`);
  // Newer versions of Node also list the certificates of the variable NODE_EXTRA_CA_CERTS.
  const { getCACertificates } = tls as { readonly getCACertificates?: (type: "default") => string[] };
  return [...(getCACertificates?.("default") ?? tls.rootCertificates), readFileSync(file, "utf8")];
};

const redirected = ({ name, url }: Target, location: string | string[] | undefined): Distrusted => {
  const to = URL.canParse(String(location), url) ? new URL(String(location), url).origin : undefined;
  const where = to === undefined ? "" : ` to ${quoted(to)}`;
  return new Distrusted(
    `The remote ${name} answered with a redirect${where}, which quater does not follow, because the redirect could lead a token to another server. Add the remote with its final URL`,
  );
};

/** The words for the error codes of connections. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "no program listens at this address",
  ENOTFOUND: "its host name is unknown",
  EAI_AGAIN: "its host name cannot be looked up now",
  ECONNRESET: "the connection was closed",
  UND_ERR_SOCKET: "the connection was closed",
  UND_ERR_CONNECT_TIMEOUT: "the connection took too long",
  UND_ERR_HEADERS_TIMEOUT: "the answer took too long",
  UND_ERR_BODY_TIMEOUT: "the answer took too long",
  UND_ERR_ABORTED: "the proxy refused the connection",
};

/** The codes of errors that occur before undici has sent any byte. */
const beforeSending = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_ABORTED"]);

/** Whether the HTTP request of an error cannot have reached the server. */
export const hasNotLeft = (error: unknown): boolean => {
  const { cause } = Object(error) as { readonly cause?: unknown };
  return error instanceof Distrusted || beforeSending.has(codeIn(cause)) || isOfCertificate(codeIn(cause));
};

const codeIn = (error: unknown): string => {
  const { code, cause, errors } = Object(error) as {
    readonly code?: unknown;
    readonly cause?: unknown;
    readonly errors?: readonly unknown[];
  };
  if (typeof code === "string" && code !== "UND_ERR" && !/^HTTP/.test(code)) return code;
  const inner = cause ?? errors?.[0];
  return isPlainObject(inner) || inner instanceof Error ? codeIn(inner) : "";
};

const isOfCertificate = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO/.test(code);

const failureOf = (name: string, error: unknown): Error => {
  const code = codeIn(error);
  if (isOfCertificate(code)) {
    const distrust = new Distrusted(
      `The certificate of the remote ${name} is not trusted (${code}). For a private certificate authority, add the remote again with --ca FILE, or set NODE_EXTRA_CA_CERTS`,
    );
    return Object.assign(distrust, { cause: error });
  }
  return Object.assign(unreachable(name, words[code] ?? (code || "the connection failed")), { cause: error });
};
