// Answers the messages of MCP clients of both protocol eras. The transports (HTTP and stdio) pass each message to `serve`, which
// authenticates the caller before Quater reads the message. This file passes tools/call to the gate, and answers the other
// frequent methods: tools/list, ping and server/discover. reader.ts answers requests for MCP resources and prompts. The MCP SDK
// of the era answers requests with other methods. Quater loads the SDK of an era when the first such request arrives.

import type { Principal } from "../../../core/index.ts";
import { type Awaitable, type Gate, traceIdOf } from "../../../core/plugin-api.ts";
import type { ApprovalRounds, Resumed, Waited } from "../approval/rounds.ts";
import type { StatedCall } from "../approval/state.ts";
import type { Toolbox } from "../offers/tools.ts";
import type { About } from "../protocol/about.ts";
import { type Answer, invalidParams, type Results } from "../protocol/answers.ts";
import { type Request, resultMessage } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";
import type { CatalogSearch } from "./catalog-search.ts";
import type { Completion } from "./completion.ts";
import type { Incoming } from "./incoming.ts";
import { capabilitiesOf, type Offers } from "./offers.ts";
import { paramHeaderRefused } from "./param-headers.ts";
import { Progress } from "./progress.ts";
import { Reader, unknownCursor } from "./reader.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { readToolCall } from "./tool-call.ts";
import { toolRefusal, toolResult } from "./tool-result.ts";

interface DispatcherParts {
  readonly gate: Gate;
  readonly offers: Offers;
  readonly about: About;
  readonly results: Results;
  readonly subscriptions: Subscriptions;
  readonly maxOutputBytes: number;
  /**
   * The approval rounds of calls; absent if the app has no approvals or no key for signing `requestState`, or if `approvalHoldMs`
   * is 0.
   */
  readonly rounds: ApprovalRounds | undefined;
}

export class Dispatcher {
  readonly #gate: Gate;
  readonly #toolbox: Toolbox;
  readonly #about: About;
  readonly #rounds: ApprovalRounds | undefined;
  /** The result of the request server/discover as JSON text. */
  readonly #discovered: string;
  readonly #results: Results;
  readonly #search: CatalogSearch | undefined;
  readonly #completion: Completion;
  readonly #reader: Reader;
  readonly #offers: Offers;
  readonly #subscriptions: Subscriptions;
  readonly #maxOutputBytes: number;

  constructor({ gate, offers, about, results, subscriptions, maxOutputBytes, rounds }: DispatcherParts) {
    const { toolbox, search, resources, prompts, completion } = offers;
    this.#gate = gate;
    this.#toolbox = toolbox;
    this.#search = search;
    this.#completion = completion;
    this.#about = about;
    this.#rounds = rounds;
    this.#offers = offers;
    this.#subscriptions = subscriptions;
    this.#results = results;
    this.#reader = new Reader({ gate, resources, prompts, results, maxOutputBytes });
    this.#discovered = results.discovery(capabilitiesOf(offers, true));
    this.#maxOutputBytes = maxOutputBytes;
  }

  /** Authenticates the caller of a message and answers the message. Returns the reply for the transport. */
  async serve<Reply>(incoming: Incoming<Reply>): Promise<Reply> {
    const { entry } = incoming;
    let principal: Principal;
    /**
     * The time at which the gate authenticated the caller; `undefined` if the message did not wait after authentication, so that
     * most messages do not read the clock.
     */
    let enteredAt: number | undefined;
    try {
      // Over HTTP, Quater has read only the headers of the POST request at this point, so callers without access cannot make the
      // server read or parse a body.
      const entering = this.#gate.enter(entry);
      if (entering instanceof Promise) {
        enteredAt = performance.now();
        principal = await entering;
      } else {
        principal = entering;
      }
    } catch (error) {
      return incoming.turnedAway(error);
    }
    const receiving = incoming.receive(principal);
    if (receiving instanceof Promise) enteredAt ??= performance.now();
    const refused = receiving instanceof Promise ? await receiving : receiving;
    if (refused !== undefined) return refused;
    try {
      // An operator may have revoked the key of the caller while the body of the POST request arrived.
      const again = enteredAt === undefined ? principal : this.#gate.enterAgain(entry, principal, enteredAt);
      principal = again instanceof Promise ? await again : again;
    } catch (error) {
      return incoming.turnedAway(error);
    }
    const asked = incoming.read(principal);
    if ("reply" in asked) return asked.reply;
    try {
      const sending = asked.send(this.#answer(asked.request, asked.caller));
      return sending instanceof Promise ? await sending : sending;
    } catch (error) {
      return asked.failed(error);
    } finally {
      asked.end();
    }
  }

  #answer(request: Request, caller: Caller): Awaitable<Answer> {
    const { id, method } = request;
    if (method === "tools/call") {
      if (this.#search === undefined) return this.#call(request, caller);
      return this.#search.answer(request, caller) ?? this.#call(this.#search.unwrapped(request), caller);
    }
    if (method === "tools/list") return this.#list(request, caller);
    const isModern = caller.era === "2026";
    if (method === "server/discover" && isModern) return { body: resultMessage(id, this.#discovered) };
    if (method === "ping" && !isModern) return { body: resultMessage(id, "{}") };
    if (method === "completion/complete" && !this.#completion.isEmpty) return this.#completion.answer(request, caller);
    const answer = this.#reader.answer(request, caller) ?? this.#subscriptions.answer(request, caller);
    return answer ?? this.#answerRarely(request, caller);
  }

  #list({ id, params }: Request, { principal, era, authorization }: Caller): Answer {
    const cursor = params["cursor"];
    if (this.#search !== undefined && cursor === undefined)
      return { body: this.#results.list(era, id, this.#search.list(principal, authorization)) };
    const page = this.#search === undefined ? this.#toolbox.list.page(principal, cursor, authorization) : undefined;
    return page === undefined ? invalidParams(id, unknownCursor) : { body: this.#results.list(era, id, page) };
  }

  async #answerRarely(request: Request, { era, listener }: Caller): Promise<Answer> {
    const { answerRarely } = era === "2025" ? await import("../protocol/legacy.ts") : await import("../protocol/modern.ts");
    return answerRarely(request, this.#about, capabilitiesOf(this.#offers, era === "2026" || listener !== undefined));
  }

  async #call(request: Request, caller: Caller): Promise<Answer> {
    const { id, params, argumentsRefused: refused } = request;
    const read = readToolCall(params);
    if (typeof read === "string") return invalidParams(id, read);
    const { name, values, dryRun, approvalId, progressToken, traceparent } = read;
    const tool = this.#toolbox.find(name);
    const misfit = paramHeaderRefused(request, tool, values, caller);
    if (misfit !== undefined) return misfit;
    const call = { handler: name, values, principal: caller.principal };
    const resumed = caller.era === "2025" ? undefined : this.#resumed(request, call, approvalId);
    if (typeof resumed === "string") return invalidParams(id, resumed);
    const waited: Waited =
      resumed === undefined || dryRun || this.#rounds === undefined ? caller : await this.#rounds.wait(resumed, call, caller);
    if (waited.result !== undefined) return { body: resultMessage(id, waited.result) };
    const progress = progressToken === undefined ? undefined : new Progress(caller.notifier, progressToken);
    const { entry, callId, cancellation, peer, room } = caller;
    const { principal, isFull } = waited;
    const outcome = await this.#gate.invoke({
      handler: this.#toolbox.handlerOf(name),
      surface: "mcp",
      principal,
      entry,
      // A call with refused arguments also goes through the gate, so that the gate checks the policy first and audit records the
      // refusal.
      given: refused === undefined ? [{ from: "arguments", isText: false, values }] : () => Promise.reject(refused),
      callId,
      cancellation,
      dryRun,
      peer,
      // Use the trace id in the MCP message first, because this trace id is more specific than the trace id in the headers of the
      // POST request.
      traceId: traceIdOf(traceparent) ?? caller.traceId,
      approvalId: approvalId ?? resumed?.approvalId,
      progress: progress?.report,
      room,
    });
    if (tool !== undefined && !dryRun) caller.ended?.(tool.operation, outcome);
    const making = toolResult(outcome, { tool, isDryRun: dryRun, progress, caller, maxBytes: this.#maxOutputBytes });
    const result = making instanceof Promise ? await making : making;
    progress?.end();
    if (typeof result === "string") return { body: this.#results.result(caller.era, id, result) };
    const asked = isFull || caller.era === "2025" ? undefined : this.#rounds?.ask(result, resumed, params, call, caller);
    return asked === undefined
      ? toolRefusal(request, result, tool, { ...caller, principal }, this.#results, isFull)
      : { body: resultMessage(id, asked) };
  }

  /** Returns the earlier approval round of a repeated call, or the reason why the call must begin again. */
  #resumed(
    { params, argumentsRefused }: Request,
    call: StatedCall,
    approvalId: string | undefined,
  ): Resumed | string | undefined {
    if (params["requestState"] === undefined) return undefined;
    // Refused arguments have no canonical text, so the server issues no `requestState` for a call with refused arguments.
    const resumed = argumentsRefused === undefined ? this.#rounds?.resumed(params, call) : undefined;
    if (resumed === undefined) return stateRefused;
    const isOther = approvalId !== undefined && approvalId !== resumed.approvalId;
    return isOther ? 'The "requestState" and "quater/approval" in _meta name different approvals' : resumed;
  }
}

const stateRefused =
  'The "requestState" does not belong to this call of this caller, was changed, or is too old, or "inputResponses" has another form. ' +
  "Send the call without both to begin again";
