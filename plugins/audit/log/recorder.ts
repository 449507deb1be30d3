// From calls to events: the hooks of the plugin. Effects decide the price: what writes is recorded before it runs and
// before it is answered; a read leaves one event, afterwards, that nobody waits for.

import type { QuaterError } from "../../../core/index.ts";
import type { Approved, Arrival, HookChoice, Hooks, Operation, Outcome } from "../../../core/plugin-api.ts";

import { schemaDigestOf } from "../../../core/schema/digest.ts";
import type { Statement } from "../../store/service.ts";
import type { Begun } from "../service.ts";
import type { Draft, Entry, Receipt } from "./entry.ts";
import { bodyText, type EndedAs, type EventFields, jsonText, plainJson, whoOf } from "./event.ts";
import { type AuditLevel, auditKey } from "./level.ts";
import type { Redactor } from "./redact.ts";
import type { Refusals } from "./refusals.ts";
import type { Trail } from "./trail.ts";

interface Running {
  readonly argsTag: string | undefined;
  readonly body: string | undefined;
  /** Where its `call.started` stands; a read has none. */
  startedSeq?: number;
  /** The handler may have run. */
  hasBegun: boolean;
  /** The start of a call that needs approval: written with the use of the approval, in one transaction. */
  start?: Start;
  /** What the plugin that wrote the start says about the call. */
  about?: Begun;
}

interface Start {
  readonly event: Noted;
  /** Written when nobody waited for it any more. */
  readonly neverRan: (about: Begun) => void;
}

interface Noted {
  readonly fields: EventFields;
  readonly body?: string;
}

export interface RecorderOptions {
  readonly trail: Trail;
  readonly redactor: Redactor;
  readonly refusals: Refusals;
}

/** Surfaces whose plain reads leave no event unless their exposure says so: a busy site would record nothing else. */
const quietSurfaces: ReadonlySet<string> = new Set(["http"]);

export class Recorder {
  readonly #options: RecorderOptions;
  /** By call id: between `around` and `settled`. */
  readonly #running = new Map<string, Running>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** The first event that a call which has not ended may have left. */
  get openSince(): number | undefined {
    let least: number | undefined;
    for (const { startedSeq } of this.#running.values())
      if (startedSeq !== undefined && (least === undefined || startedSeq < least)) least = startedSeq;
    return least;
  }

  readonly hooks: HookChoice = (operation): Hooks => {
    if (operation === undefined) return { settled: (arrival, outcome) => this.#refused(arrival, outcome, undefined) };
    const told = auditKey.of(operation);
    const isRead = operation.handler.effect === "read" && !operation.needsApproval;
    const plan = new HandlerEvents(operation, told ?? (isRead ? "metadata" : "request"), this.#options.redactor);
    if (isRead && told === "off") return { settled: (call, outcome) => this.#refused(call, outcome, plan) };
    if (isRead) return this.#ofRead(plan, told);
    return this.#ofWrite(plan, operation.needsApproval);
  };

  #ofRead(plan: HandlerEvents, told: AuditLevel | undefined): Hooks {
    const isQuiet = ({ surface }: Arrival) => told === undefined && quietSurfaces.has(surface);
    return {
      around: (call, next) => {
        this.#options.trail.assertOpen();
        if (!isQuiet(call)) this.#running.set(call.callId, { ...plan.ofArguments(call), hasBegun: true });
        return next();
      },
      settled: (call, outcome) => {
        const running = this.#taken(call);
        if (running === undefined) return this.#refused(call, outcome, plan, !isQuiet(call));
        const { fields, body } = plan.ended(call, outcome, running.argsTag);
        this.#options.trail.note(fields, merged(running.body, body));
      },
    };
  }

  #ofWrite(plan: HandlerEvents, isApproved: boolean): Hooks {
    const { trail } = this.#options;
    return {
      around: async (call, next) => {
        const running: Running = { ...plan.ofArguments(call), hasBegun: false };
        this.#running.set(call.callId, running);
        const event = plan.started(call, running);
        const neverRan = (about?: Begun) => this.#neverRan(plan, call, about);
        if (isApproved) running.start = { event, neverRan };
        else {
          this.#begun(running, await trail.record({ events: [event] }, neverRan));
          this.#assertAwaited(call.callId, running, neverRan);
        }
        return next();
      },
      settled: async (call, outcome) => {
        const running = this.#taken(call);
        if (running?.hasBegun !== true) return this.#refused(call, outcome, plan, true);
        const { about } = running;
        const { fields, body } = plan.ended(call, outcome, running.argsTag);
        const said = withApproval(fields, about);
        await trail.record({
          events: [body === undefined ? { fields: said } : { fields: said, body }],
          ...besides(about, fields.outcome),
        });
      },
    };
  }

  /**
   * Writes the `call.started` of a call behind the events that tell how its approval was used up.
   *
   * @throws {Error} when the call is not on its way, or its start is written already.
   * @throws {QuaterError} `audit_unavailable`.
   */
  async begin(callId: string, events: readonly Draft[], changes: readonly Statement[], about: Begun): Promise<Receipt> {
    const running = this.#running.get(callId);
    const start = running?.start;
    if (running === undefined || start === undefined || running.hasBegun)
      throw new Error(`The call ${callId} has no start to be written`);
    const started = { ...start.event, fields: withApproval(start.event.fields, about) };
    const { check } = about;
    const entry = {
      events: [...events, started],
      ...(changes.length === 0 ? {} : { changes }),
      ...(check === undefined ? {} : { check }),
    };
    const { trail } = this.#options;
    if (about.approvalId !== undefined) await trail.assertUsable();
    const receipt = await trail.record(entry, () => start.neverRan(about));
    if ("refusal" in receipt) return receipt;
    if (about.approvalId !== undefined)
      await trail.sendUse(receipt, { approvalId: about.approvalId, callId, ...about.tags }).catch((error: unknown) => {
        start.neverRan(about);
        throw error;
      });
    running.about = about;
    this.#begun(running, receipt);
    this.#assertAwaited(callId, running, () => start.neverRan(about));
    return receipt;
  }

  /** A plugin around the handler may give up while the start is written: what was answered already must not run. */
  #assertAwaited(callId: string, running: Running, neverRan: () => void): void {
    if (this.#running.get(callId) === running) return;
    neverRan();
    throw new Error(`The call ${callId} was answered before its start was written`);
  }

  #begun(running: Running, receipt: Receipt): void {
    if ("refusal" in receipt) return;
    running.startedSeq = receipt.seq;
    running.hasBegun = true;
  }

  #taken({ callId }: Arrival): Running | undefined {
    const running = this.#running.get(callId);
    this.#running.delete(callId);
    return running;
  }

  /** The start was written after all, though nobody waited for it any more: the call was refused, and this says so. */
  #neverRan(plan: HandlerEvents, call: Approved, about: Begun | undefined): void {
    const fields: EventFields = { ...plan.about(call), type: "call.ended", outcome: "refused", errorCode: "audit_unavailable" };
    this.#options.trail.noteBeside(withApproval(fields, about), besides(about, "refused"));
  }

  /** A call that reached no handler: refused, or answered with an earlier result. */
  #refused(call: Arrival, outcome: Outcome, plan: HandlerEvents | undefined, isRecorded = false): void {
    const { trail, refusals } = this.#options;
    if (outcome.ok) {
      if (isRecorded && !call.isDryRun) trail.note({ ...aboutOf(call, plan), type: "call.ended", outcome: "replayed" });
      return;
    }
    if (call.principal === undefined) {
      refusals.unknown(call, outcome.error);
      return;
    }
    refusals.refused({
      ...aboutOf(call, plan),
      type: "call.refused",
      outcome: "refused",
      errorCode: outcome.error.code,
      durationMs: Math.max(0, Date.now() - call.startedAt),
      ...(outcome.error.refusedBy === undefined ? {} : { policy: outcome.error.refusedBy }),
    });
  }
}

/** What is the same for every call of an operation. */
class HandlerEvents {
  readonly #operation: Operation;
  readonly #redactor: Redactor;
  readonly #level: AuditLevel;
  readonly #schema: string;

  constructor(operation: Operation, level: AuditLevel, redactor: Redactor) {
    this.#operation = operation;
    this.#redactor = redactor;
    this.#level = level;
    this.#schema = schemaDigestOf(operation);
  }

  ofArguments({ input }: Approved): { argsTag: string | undefined; body: string | undefined } {
    const argsTag = this.#redactor.ofText(jsonText(input));
    if (this.#level !== "request" && this.#level !== "response") return { argsTag, body: undefined };
    return { argsTag, body: this.#body({ args: this.#redactor.storable(this.#operation.input, input) }) };
  }

  about(call: Arrival): Omit<EventFields, "type"> {
    return {
      callId: call.callId,
      surface: call.surface,
      schema: this.#schema,
      ...(call.handler === undefined ? {} : { handler: call.handler }),
      ...(call.principal === undefined ? {} : { principal: whoOf(call.principal) }),
      ...(call.peer === undefined ? {} : { peer: call.peer }),
      ...(call.traceId === undefined ? {} : { traceId: call.traceId }),
      ...(call.isDryRun ? { dryRun: true as const } : {}),
    };
  }

  started(call: Approved, { argsTag, body }: Running): Noted {
    const fields = withTag({ ...this.about(call), type: "call.started" }, argsTag);
    return body === undefined ? { fields } : { fields, body };
  }

  ended(call: Arrival, outcome: Outcome, argsTag: string | undefined): { fields: EventFields; body: string | undefined } {
    const fields: EventFields = {
      ...this.about(call),
      type: "call.ended",
      durationMs: Math.max(0, Date.now() - call.startedAt),
      outcome: outcome.ok ? "succeeded" : endedAs(outcome.error),
      ...(outcome.ok ? {} : { errorCode: outcome.error.code }),
    };
    if (!outcome.ok || this.#level !== "response" || outcome.value === undefined)
      return { fields: withTag(fields, argsTag), body: undefined };
    const result = plainJson(outcome.value);
    const resultTag = this.#redactor.ofText(jsonText(result));
    return {
      fields: { ...withTag(fields, argsTag), resultTag },
      body: this.#body({ result: this.#redactor.storable(this.#operation.output, result) }),
    };
  }

  #body(content: Readonly<Record<string, unknown>>): string {
    return bodyText(content, (text) => this.#redactor.ofText(text));
  }
}

const aboutOf = (call: Arrival, plan: HandlerEvents | undefined): Omit<EventFields, "type"> =>
  plan?.about(call) ?? {
    callId: call.callId,
    surface: call.surface,
    ...(call.handler === undefined ? {} : { handler: call.handler }),
    ...(call.principal === undefined ? {} : { principal: whoOf(call.principal) }),
    ...(call.peer === undefined ? {} : { peer: call.peer }),
    ...(call.traceId === undefined ? {} : { traceId: call.traceId }),
    ...(call.isDryRun ? { dryRun: true as const } : {}),
  };

const withTag = (fields: EventFields, argsTag: string | undefined): EventFields =>
  argsTag === undefined ? fields : { ...fields, argsTag };

const withApproval = (fields: EventFields, about: Begun | undefined): EventFields =>
  about?.approvalId === undefined ? fields : { ...fields, approvalId: about.approvalId };

/** The changes of state that belong to a call's end. */
const besides = (about: Begun | undefined, how: EndedAs | undefined): Pick<Entry, "beside"> => {
  const ended = about?.ended;
  return ended === undefined || how === undefined ? {} : { beside: () => ended(how) };
};

const endedAs = ({ code, kind }: QuaterError): EndedAs => {
  if (code === "output_undelivered") return "succeeded"; // the handler ran to its end, and what it changed is kept
  return kind === "outcome_unknown" ? "unknown" : kind === "cancelled" ? "cancelled" : "failed";
};

/** Both are objects of one member. */
const merged = (args: string | undefined, result: string | undefined): string | undefined =>
  args === undefined || result === undefined ? (args ?? result) : `${args.slice(0, -1)},${result.slice(1)}`;
