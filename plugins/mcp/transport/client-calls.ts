// Recognizes which messages come from the same HTTP client of the revisions of 2025, so that `notifications/cancelled` cancels
// the right call. A closed connection does not cancel a call, because the network may have closed the connection.

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
    // principal. So without audit(), a key that is not secret is enough to recognize damaged and old ids.
    const known = [createHash("sha256").update(`quater.mcp.session.v1\n${app}`).digest()];
    this.#sessions = new Sessions(() => audit?.deriveSecrets(label) ?? known);
    this.#shared = store === undefined ? undefined : new SharedCancels(store, this.#calls, log);
  }

  newSession(principal: Principal): string {
    return this.#sessions.issue(principal);
  }

  /** Returns the session of a message. Sessions are optional, but a client cannot cancel its calls without a session. */
  sessionOf(
    { method }: Request | Notification,
    { "mcp-session-id": id }: IncomingHttpHeaders,
    principal: Principal,
  ): string | "refused" | undefined {
    if (id === undefined || method === "initialize") return undefined;
    return this.#sessions.accepts(String(id), principal) ? String(id) : "refused";
  }

  /** Cancels the call that a notification names. */
  notified({ method, params }: Notification, session: string | undefined, principal: Principal): void {
    const { requestId } = params;
    if (method !== "notifications/cancelled" || session === undefined || !isId(requestId)) return;
    const key = keyOf(session, requestId);
    // If the call does not run in this process, the call runs on another instance or has ended.
    if (!this.#calls.takeBack(key)) this.#shared?.send(key, principalKey(principal));
  }

  /**
   * Begins a request. Call `end` of the returned call when the request was answered.
   *
   * @returns `undefined` for a method that runs no code of the app.
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

/** Returns a key for a request that is unique among the requests of all clients. */
const keyOf = (session: string, id: MessageId): string => `${session} ${JSON.stringify(id)}`;

/** A running request over HTTP. */
export class HttpCall extends ClientCall {
  readonly #calls: Calls;
  readonly #principal: Principal;
  readonly #key: string | undefined;
  #isOver = false;
  /** Ends the count of this call among the calls whose client has left. */
  #uncount: (() => void) | undefined;

  /** @param key  The key of the request; `undefined` if the client has no session. */
  constructor(calls: Calls, principal: Principal, key: string | undefined) {
    super();
    this.#calls = calls;
    this.#principal = principal;
    this.#key = key;
  }

  /** Counts the call when its client leaves. Called only for calls that take long, because most calls end at once. */
  watchClient(res: ServerResponse): void {
    if (res.destroyed) this.#clientLeft();
    else res.once("close", () => this.#clientLeft());
  }

  /** Called when the request was answered. */
  end(): void {
    this.#isOver = true;
    if (this.#key !== undefined) this.#calls.end(this.#key, this);
    this.#uncount?.();
  }

  #clientLeft(): void {
    if (!this.#isOver) this.#uncount = this.#calls.leave(principalKey(this.#principal), this);
  }
}
