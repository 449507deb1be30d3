// Handles subscriptions to MCP resources. Clients of revision 2026-07-28 send `subscriptions/listen`, whose answer is a stream of
// notifications. Clients of the revisions of 2025 send `resources/subscribe` over stdio. Over HTTP, the revisions of 2025 deliver
// notifications on a GET stream, which Quater does not have. So over HTTP, Quater does not declare subscriptions to clients of
// 2025.
//
// Quater checks the rights of a subscriber with a dry run of the handler when the client subscribes. Before each notification,
// Quater checks the current rights of the credential in the same way.

import type { ErrorKind, Gate, Log } from "../../../core/plugin-api.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { Store } from "../../offered.ts";
import type { Resources } from "../offers/resources.ts";
import { type Answer, invalidParams, type Results } from "../protocol/answers.ts";
import { metaKeys } from "../protocol/era.ts";
import {
  errorMessage,
  type MessageId,
  notificationMessage,
  type Request,
  resultMessage,
  rpcCodes,
} from "../protocol/messages.ts";
import type { Caller, CallersListener } from "./caller.ts";
import { Listener } from "./listener.ts";
import { PrincipalCounts, principalKey } from "./principal-counts.ts";
import type { Notifier } from "./progress.ts";
import { SharedUpdates } from "./shared-updates.ts";
import { digestOf } from "./store-work.ts";

/** The most clients with subscriptions at the same time in one process. */
const mostListeners = { ofPrincipal: 16, ofAll: 128 } as const;
/** The most MCP resources to which one client may subscribe. */
const mostUris = 100;

export interface SubscriptionParts {
  readonly gate: Gate;
  readonly resources: Resources;
  readonly results: Results;
  readonly log: Log;
  /** The store through which the instances of the app exchange reports of changes. */
  readonly store: Store | undefined;
}

export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #shared: SharedUpdates | undefined;
  /** The listeners with at least one subscription, each with the key of its principal. */
  readonly #listeners = new Map<CallersListener, string>();
  readonly #counts = new PrincipalCounts();
  /**
   * The functions that end the streams of `subscriptions/listen`, each with a promise that resolves when the stream has ended.
   */
  readonly #streams = new Map<() => void, Promise<unknown>>();
  #isStopping = false;

  constructor(parts: SubscriptionParts) {
    const { store, log } = parts;
    this.#parts = parts;
    this.#shared = store === undefined ? undefined : new SharedUpdates(store, log, (keys) => this.#receive(keys));
  }

  /** Reports to all instances that the content of an MCP resource has changed. */
  updated(uri: string): void {
    for (const listener of this.#listeners.keys()) listener.changed(uri);
    this.#shared?.send(uri);
  }

  #receive(keys: ReadonlySet<string>): void {
    for (const listener of this.#listeners.keys())
      for (const uri of listener.uris) if (keys.has(digestOf(uri))) listener.changed(uri);
  }

  /**
   * Returns a listener for a client of the revisions of 2025 over stdio. The transport calls `close` when the client has left.
   */
  open(notifier: Notifier): CallersListener {
    const listener: CallersListener = new Listener({
      notifier,
      notification: async (uri, caller) => {
        if ((await this.#judgeAgain(uri, caller)) === true) return updateMessage({ uri });
        this.#unwatch(listener, uri);
        return undefined;
      },
    });
    return listener;
  }

  close(listener: CallersListener): void {
    listener.end();
    this.#remove(listener);
  }

  /** Ends all streams of `subscriptions/listen`. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const end of this.#streams.keys()) end();
    await Promise.allSettled(this.#streams.values());
    await this.#shared?.stop();
  }

  /**
   * Returns the answer to a request, or `undefined` if the request is not about subscriptions, or the client cannot subscribe.
   */
  answer(request: Request, caller: Caller): Promise<Answer> | undefined {
    const { method } = request;
    if (this.#parts.resources.isEmpty) return undefined;
    if (caller.era === "2026") return method === "subscriptions/listen" ? this.#stream(request, caller) : undefined;
    const { listener } = caller;
    if (listener === undefined) return undefined;
    if (method === "resources/subscribe") return this.#subscribe(request, caller, listener);
    if (method === "resources/unsubscribe") return this.#unsubscribe(request, listener);
    return undefined;
  }

  async #subscribe({ id, params: { uri } }: Request, caller: Caller, listener: CallersListener): Promise<Answer> {
    if (typeof uri !== "string") return invalidParams(id, 'The params of resources/subscribe must have "uri", a text');
    if (listener.size >= mostUris && !listener.has(uri)) return refused(id, tooManyUris);
    if (!this.#hasPlace(listener, caller)) return refused(id, tooMany);
    await this.#shared?.watch();
    // Add the listener first, so that the client gets the changes that are reported during the check of its rights.
    this.#add(listener, caller);
    listener.watch(uri, caller);
    const judged = await this.#judge(uri, caller, caller.callId);
    if (judged === true) return { body: resultMessage(id, "{}") };
    this.#unwatch(listener, uri);
    if (judged !== false) throw judged.error;
    const data = { code: "unknown_handler", callId: caller.callId, errors: [], uri };
    return { body: errorMessage(id, rpcCodes.resourceNotFound, "No resource has this URI", data) };
  }

  async #unsubscribe({ id, params: { uri } }: Request, listener: CallersListener): Promise<Answer> {
    if (typeof uri !== "string") return invalidParams(id, 'The params of resources/unsubscribe must have "uri", a text');
    this.#unwatch(listener, uri);
    return { body: resultMessage(id, "{}") };
  }

  #stream(request: Request, caller: Caller): Promise<Answer> {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const streaming = this.#listen(request, caller, { end, ended }).finally(() => this.#streams.delete(end));
    this.#streams.set(end, streaming);
    if (this.#isStopping) end();
    return streaming;
  }

  async #listen({ id, params }: Request, caller: Caller, { end, ended }: Ending): Promise<Answer> {
    const wanted = urisIn(params["notifications"]);
    if (typeof wanted === "string") return invalidParams(id, wanted);
    const { notifier, cancellation } = caller;
    if (!notifier.canSend)
      return { body: errorMessage(id, rpcCodes.invalidRequest, "The header Accept must list text/event-stream"), status: 406 };
    const meta = { [metaKeys.subscription]: id };
    let failure: unknown;
    const listener: CallersListener = new Listener({
      notifier,
      notification: async (uri) => {
        const judged = await this.#judgeAgain(uri, caller);
        if (judged === true) return updateMessage({ _meta: meta, uri });
        // A stopping gate runs no dry runs. In this case, the stream ends without an error, like every stream at a stop.
        if (judged !== false && !this.#parts.gate.isStopping) failure = judged.error;
        end();
        return undefined;
      },
    });
    if (!this.#hasPlace(listener, caller)) return refused(id, tooMany);
    await this.#shared?.watch();
    cancellation.signal.addEventListener("abort", end);
    if (cancellation.isCancelled) end();
    try {
      this.#add(listener, caller);
      const granted: string[] = [];
      for (const uri of wanted) {
        const judged = await this.#judge(uri, caller, this.#parts.gate.newCallId());
        if (judged === true) granted.push(uri);
        else if (judged !== false) throw judged.error;
      }
      // The first notification leaves out resources that do not exist and resources that the caller may not read, so that callers
      // cannot distinguish the two cases.
      const notifications = granted.length === 0 ? {} : { resourceSubscriptions: granted };
      for (const uri of granted) listener.watch(uri, caller);
      await notifier.send(
        notificationMessage("notifications/subscriptions/acknowledged", JSON.stringify({ _meta: meta, notifications })),
      );
      if (granted.length > 0) await ended;
      if (failure !== undefined) throw failure;
      return { body: resultMessage(id, this.#parts.results.modern(JSON.stringify({ _meta: meta }))) };
    } finally {
      cancellation.signal.removeEventListener("abort", end);
      this.close(listener);
    }
  }

  /** Checks with the current rights of the credential whether the caller may read a resource. */
  async #judgeAgain(uri: string, caller: Caller): Promise<Judgement> {
    const { gate } = this.#parts;
    try {
      const principal = await gate.enterAgain(caller.entry, caller.principal, Number.NEGATIVE_INFINITY);
      return await this.#judge(uri, { ...caller, principal }, gate.newCallId());
    } catch (error) {
      return { error };
    }
  }

  async #judge(uri: string, { principal, entry, peer, traceId, cancellation }: Caller, callId: string): Promise<Judgement> {
    const { gate, resources } = this.#parts;
    const found = resources.find(uri);
    const outcome = await gate.invoke({
      // The gate also gets requests for unknown resources, so that audit records the refusal.
      handler: found?.operation.name ?? "",
      surface: "mcp",
      principal,
      entry,
      given: [{ from: "URI", isText: true, values: found?.values }],
      callId,
      cancellation,
      dryRun: true,
      peer,
      traceId,
    });
    if (outcome.ok) return true;
    return hidden.has(outcome.error.kind) ? false : { error: outcome.error };
  }

  #hasPlace(listener: CallersListener, { principal }: Caller): boolean {
    if (this.#listeners.has(listener)) return true;
    const { ofPrincipal, ofAll } = mostListeners;
    return this.#listeners.size < ofAll && this.#counts.of(principalKey(principal)) < ofPrincipal;
  }

  #add(listener: CallersListener, { principal }: Caller): void {
    if (this.#listeners.has(listener)) return;
    const key = principalKey(principal);
    this.#listeners.set(listener, key);
    this.#counts.add(key);
  }

  #remove(listener: CallersListener): void {
    const key = this.#listeners.get(listener);
    if (key === undefined) return;
    this.#listeners.delete(listener);
    this.#counts.remove(key);
    if (this.#listeners.size === 0) this.#shared?.unwatch();
  }

  #unwatch(listener: CallersListener, uri: string): void {
    listener.unwatch(uri);
    if (listener.size === 0) this.#remove(listener);
  }
}

/** The end of a stream of `subscriptions/listen`: a function that ends the stream, and the promise that the function resolves. */
interface Ending {
  readonly end: () => void;
  readonly ended: Promise<void>;
}

/** Whether a caller may read a resource, or the error because of which Quater could not check the rights of the caller. */
type Judgement = boolean | { readonly error: unknown };

/**
 * The kinds of errors for which Quater sends the answer for an unknown resource, so that callers without rights cannot find out
 * which resources exist.
 */
const hidden: ReadonlySet<ErrorKind> = new Set(["forbidden", "not_found", "invalid_input"]);

const updateMessage = (params: object): string => notificationMessage("notifications/resources/updated", JSON.stringify(params));

const tooMany = "Too many clients listen to changes. Try again later, or end another subscription";
const tooManyUris = `A client can subscribe to at most ${mostUris} resources`;

const refused = (id: MessageId, message: string): Answer => ({
  body: errorMessage(id, rpcCodes.refused, message, { code: "rate_limited", errors: [] }),
});

/**
 * Returns the URIs of the resources that a client wants to watch, without repeated URIs, or the reason why the params are
 * malformed.
 */
const urisIn = (notifications: unknown): readonly string[] | string => {
  if (!isPlainObject(notifications)) return 'The params of subscriptions/listen must have "notifications", an object';
  const { resourceSubscriptions: uris = [] } = notifications;
  if (!Array.isArray(uris) || !uris.every((uri) => typeof uri === "string"))
    return '"resourceSubscriptions" must be a list of URIs';
  const different = [...new Set(uris as string[])];
  return different.length > mostUris ? tooManyUris : different;
};
