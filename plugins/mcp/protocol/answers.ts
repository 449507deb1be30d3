// Builds the answers to MCP requests of both eras.

import { type About, instructionsOf, serverInfoOf } from "./about.ts";
import { type Era, metaKeys, modernVersions } from "./era.ts";
import { errorMessage, type MessageId, resultMessage, rpcCodes } from "./messages.ts";

/** The HTTP status and the header `WWW-Authenticate` of a refusal over HTTP. */
export interface Challenge {
  readonly status: 401 | 403;
  readonly header: string;
}

export interface Answer {
  /** The JSON-RPC message of the answer as text. */
  readonly body: string;
  /** The HTTP status of the answer. Default: 200. */
  readonly status?: number;
  /** Whether the answer is the result of `initialize`. If so, the client gets a session id over HTTP. */
  readonly opensSession?: boolean;
  /** The id of the new session, which the client gets in a header. */
  readonly session?: string;
  /** The HTTP status and header with which Quater asks the client for another credential. */
  readonly challenge?: Challenge | undefined;
}

export const invalidParams = (id: MessageId, message: string): Answer => ({
  body: errorMessage(id, rpcCodes.invalidParams, message),
});

/**
 * How long clients of revision 2026-07-28 may cache a list, milliseconds. This time is short, because the rights of a caller can
 * change at any time.
 */
const listTtlMs = 60_000;

/** The type of an MCP result of revision 2026-07-28. */
export type ResultType = "complete" | "input_required";

/**
 * Writes MCP results. In revision 2026-07-28, each result has a type, and the name of the server in `_meta`.
 *
 * A result is the JSON text of an object with at least one field. If the object has `_meta`, `_meta` is the first field of the
 * object and is not empty, so that Quater can add fields to the text.
 */
export class Results {
  readonly #about: About;
  /** The field of `_meta` with the name of the server, as JSON text. */
  readonly #server: string;
  readonly #list: string;
  readonly #content: string;

  constructor(about: About) {
    const { name, version, title } = about;
    this.#about = about;
    // Icons may be large, so only the answer to server/discover has the icons of the server.
    this.#server = `${JSON.stringify(metaKeys.server)}:${JSON.stringify({ name, version, title })}`;
    this.#list = cachingOf(listTtlMs);
    this.#content = cachingOf(0);
  }

  result(era: Era, id: MessageId, result: string): string {
    return resultMessage(id, era === "2025" ? result : this.modern(result));
  }

  /** Writes the result with a list, which clients may cache. */
  list(era: Era, id: MessageId, result: string): string {
    return resultMessage(id, era === "2025" ? result : this.modern(result, "complete", this.#list));
  }

  /**
   * Writes the result with the content of an MCP resource. The content of a resource can change at any time, so clients must not
   * cache the content.
   */
  content(era: Era, id: MessageId, result: string): string {
    return resultMessage(id, era === "2025" ? result : this.modern(result, "complete", this.#content));
  }

  /** Returns the result of server/discover as JSON text. */
  discovery(capabilities: object): string {
    const about = { supportedVersions: modernVersions, capabilities, ...instructionsOf(this.#about) };
    const meta = { [metaKeys.server]: serverInfoOf(this.#about) };
    return `{"resultType":"complete",${this.#list}${JSON.stringify({ _meta: meta, ...about }).slice(1)}`;
  }

  /** Returns a result in the form of revision 2026-07-28. @param fields  Further fields of the result as JSON text. */
  modern(result: string, type: ResultType = "complete", fields = ""): string {
    const meta = result.startsWith(metaStart) ? result.slice(metaStart.length) : `},${result.slice(1)}`;
    const separator = meta.startsWith("}") ? "" : ",";
    return `{"resultType":"${type}",${fields}"_meta":{${this.#server}${separator}${meta}`;
  }
}

const metaStart = '{"_meta":{';

/**
 * Returns as JSON text the result fields with the time for which clients of revision 2026-07-28 may cache a result. Every request
 * needs a credential, so a cache must not return the result of one caller to other callers.
 */
const cachingOf = (ttlMs: number): string => `"ttlMs":${ttlMs},"cacheScope":"private",`;
