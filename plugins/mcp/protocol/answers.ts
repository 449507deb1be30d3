// Builds the answers to MCP requests of both eras.

import { type About, serverInfoOf } from "./about.ts";
import { type Era, metaKeys } from "./era.ts";
import { errorMessage, type MessageId, resultMessage, rpcCodes } from "./messages.ts";

/** The status and the header `WWW-Authenticate` of a refusal over HTTP. */
export interface Challenge {
  readonly status: 401 | 403;
  readonly header: string;
}

export interface Answer {
  /** One JSON-RPC message as text. */
  readonly body: string;
  /** The HTTP status. Default: 200. */
  readonly status?: number;
  /** Whether the answer is the result of `initialize`. Over HTTP, the client then gets a session id. */
  readonly opensSession?: boolean;
  /** The id of the new session. */
  readonly session?: string;
  /** The status and header with which HTTP asks the client for a better credential. */
  readonly challenge?: Challenge | undefined;
}

/** Marks a result as final, as revision 2026-07-28 demands. @param result  JSON text of an object with at least one field. */
export const complete = (result: string): string => `{"resultType":"complete",${result.slice(1)}`;

export const resultIn = (era: Era, id: MessageId, result: string): string =>
  resultMessage(id, era === "2025" ? result : complete(result));

export const invalidParams = (id: MessageId, message: string): Answer => ({
  body: errorMessage(id, rpcCodes.invalidParams, message),
});

/** How long clients of revision 2026-07-28 may use a list, milliseconds. The rights of a caller can change at any time. */
const listTtlMs = 60_000;

/**
 * The fields with the time for which clients of revision 2026-07-28 may cache a result. Every request needs a credential, so a
 * cache must not return the result of one caller to other callers.
 */
export const cachingOf = (about: About, ttlMs = listTtlMs) => ({
  ttlMs,
  cacheScope: "private",
  _meta: { [metaKeys.server]: serverInfoOf(about) },
});

/** Writes the results that clients may cache. */
export class Cacheable {
  readonly #list: string;
  readonly #content: string;

  constructor(about: About) {
    this.#list = `${complete(JSON.stringify(cachingOf(about))).slice(0, -1)},`;
    this.#content = `${complete(JSON.stringify(cachingOf(about, 0))).slice(0, -1)},`;
  }

  /** @param result  JSON text of an object with at least one field. */
  list(era: Era, id: MessageId, result: string): string {
    return resultMessage(id, era === "2025" ? result : this.#list + result.slice(1));
  }

  /** Writes the content of a resource. The content can change at any time, so clients must not cache the content. */
  content(era: Era, id: MessageId, result: string): string {
    return resultMessage(id, era === "2025" ? result : this.#content + result.slice(1));
  }
}
