// Recognizes which messages come from the same HTTP client of the revisions of 2025, so that `notifications/cancelled` cancels
// the right call. A closed connection does not cancel a call, because a failure of the network may have closed the connection.

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Principal } from "../../../core/index.ts";
import type { Log } from "../../../core/plugin-api.ts";
import type { Store, Trail } from "../../offered.ts";
import { principalKey } from "../answering/principal-counts.ts";
import { isId, type MessageId, type Notification, type Request } from "../protocol/messages.ts";
import { Calls, ClientCall } from "./calls.ts";
import { Sessions } from "./session-ids.ts";
import { SharedCancels } from "./shared-cancels.ts";

const label = "mcp.session";

export interface ClientParts {
  readonly app: string;
  readonly audit: Trail | undefined;
  readonly store: Store | undefined;
  readonly log: Log;
}

export class ClientCalls {
  readonly #sessions: Sessions;
  readonly #calls = new Calls();
  readonly #shared: SharedCancels | undefined;

  constructor({ app, audit, store, log }: ClientParts) {
    // A session id gives no rights, because each request has its own credential, and the signature of the id covers the
    // principal. So without audit(), a key that is not secret is enough to recognize damaged and old session ids.
    const known = [createHash("sha256").update(`quater.mcp.session.v1\n${app}`).digest()];
    this.#sessions = new Sessions(() => audit?.deriveSecrets(label) ?? known);
    this.#shared = store === undefined ? undefined : new SharedCancels(store, this.#calls, log);
  }

  newSession(principal: Principal): string {
    return this.#sessions.issue(principal);
  }

  /** Returns the session id of a message. Session ids are optional, but a client cannot cancel its calls without a session id. */
  sessionOf(
    { method }: Request | Notification,
    { "mcp-session-id": id }: IncomingHttpHeaders,
    principal: Principal,
  ): string | "refused" | undefined {
    if (id === undefined || method === "initialize") return undefined;
    return this.#sessions.accepts(String(id), principal) ? String(id) : "refused";
  }

  /** Cancels the call that a `notifications/cancelled` names. */
  notified({ method, params }: Notification, session: string | undefined, principal: Principal): void {
    const { requestId } = params;
    if (method !== "notifications/cancelled" || session === undefined || !isId(requestId)) return;
    const key = keyOf(session, requestId);
    // If the cancelled call does not run in this process, the call runs on another instance or has ended.
    if (!this.#calls.takeBack(key)) this.#shared?.send(key, principalKey(principal));
  }

  /**
   * Begins the call of a request. Call `end` of the returned call when Quater has answered the request.
   *
   * @returns The call of the request; `undefined` for a method that runs no code of the app.
   */
  begin({ method, id }: Request, session: string | undefined, principal: Principal): HttpCall | undefined {
    if (!appMethods.has(method)) return undefined;
    const key = session === undefined ? undefined : keyOf(session, id);
    const call = new HttpCall(this.#calls, principal, key);
    if (key !== undefined) {
      this.#calls.begin(key, call);
      this.#shared?.watch();
    }
    return call;
  }

  stop(): Promise<void> | undefined {
    return this.#shared?.stop();
  }
}

/** The methods that run code of the app, so that their requests can take long. */
const appMethods: ReadonlySet<string> = new Set(["tools/call", "resources/read", "prompts/get", "completion/complete"]);

/** Returns a key for a request. This key is unique among the requests of all clients. */
const keyOf = (session: string, id: MessageId): string => `${session} ${JSON.stringify(id)}`;

/** The call of a running request over HTTP. */
export class HttpCall extends ClientCall {
  readonly #calls: Calls;
  readonly #principal: Principal;
  readonly #key: string | undefined;
  #isOver = false;
  /** Removes this call from the count of calls whose client has left; `undefined` if the call is not counted. */
  #uncount: (() => void) | undefined;

  /** @param key  The key of the request; `undefined` if the client has no session. */
  constructor(calls: Calls, principal: Principal, key: string | undefined) {
    super();
    this.#calls = calls;
    this.#principal = principal;
    this.#key = key;
  }

  /**
   * Counts this call among the calls whose client has left, when the client leaves. Quater calls this function only for calls
   * that take long, because most calls end immediately.
   */
  watchClient(res: ServerResponse): void {
    if (res.destroyed) this.#clientLeft();
    else res.once("close", () => this.#clientLeft());
  }

  /** Ends the call after Quater has answered the request. */
  end(): void {
    this.#isOver = true;
    if (this.#key !== undefined) this.#calls.end(this.#key, this);
    this.#uncount?.();
  }

  #clientLeft(): void {
    if (!this.#isOver) this.#uncount = this.#calls.leave(principalKey(this.#principal), this);
  }
}
