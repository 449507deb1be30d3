// The hooks of the audit plugin. The hooks record calls as events. For a call of a handler that writes, the hooks record
// `call.started` before the handler runs, and `call.ended` before the caller gets the answer. For a call of a `read` handler, the
// hooks record one event after the end of the call, and the caller does not wait for this event.
//
// Between the hooks `around` and `settled` a call is in one of four states:
//
//     a read                  reading
//     a write                 starting ───────────────────> started
//     a write with approval   awaitingUse ──commitStart()──> started
//
// If a call settles before the state of the call is `started`, the handler did not run, so the hooks record the call as refused.

import type { Approved, Arrival, HookChoice, Hooks, Outcome } from "../../../core/plugin-api.ts";
import type { Statement } from "../../store/service.ts";
import type { CallStart } from "../service.ts";
import { type Arguments, aboutCall, type CallEvent, CallEvents } from "./call-events.ts";
import type { Draft, Entry, Receipt } from "./entry.ts";
import type { EventFields } from "./event.ts";
import { type AuditLevel, auditKey } from "./level.ts";
import type { Redactor } from "./redact.ts";
import type { Refusals } from "./refusals.ts";
import type { Trail } from "./trail.ts";

interface Reading {
  readonly is: "reading";
  readonly args: Arguments;
}

/** The state of a write without approval, while the recorder writes the `call.started` of this call. */
interface Starting {
  readonly is: "starting";
  readonly args: Arguments;
}

/**
 * The state of a write with approval: the plugin that uses the approval calls `commitStart`, which writes the use and
 * `call.started` in one transaction.
 */
interface AwaitingUse {
  readonly is: "awaitingUse";
  readonly args: Arguments;
  readonly call: Approved;
  readonly events: CallEvents;
}

/** The state of a call whose `call.started` is committed. The handler of the call runs, or may have run. */
interface Started {
  readonly is: "started";
  readonly args: Arguments;
  readonly start: CallStart;
}

type CallState = Reading | Starting | AwaitingUse | Started;

export interface RecorderOptions {
  readonly trail: Trail;
  readonly redactor: Redactor;
  readonly refusals: Refusals;
}

/** The surfaces over which Quater does not record reads by default, because the reads of a busy site would fill the trail. */
const quietSurfaces: ReadonlySet<string> = new Set(["http"]);

export class Recorder {
  readonly #options: RecorderOptions;
  /** The states of calls between `around` and `settled`, by call id. */
  readonly #states = new Map<string, CallState>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  readonly hooks: HookChoice = (operation): Hooks => {
    if (operation === undefined) return { settled: (arrival, outcome) => this.#notRun(arrival, outcome, undefined) };
    const chosen = auditKey.of(operation);
    const isRead = operation.handler.effect === "read" && !operation.needsApproval;
    const events = new CallEvents(operation, chosen ?? (isRead ? "metadata" : "request"), this.#options.redactor);
    if (isRead && chosen === "off") return { settled: (call, outcome) => this.#notRun(call, outcome, events) };
    return isRead ? this.#ofRead(events, chosen) : this.#ofWrite(events, operation.needsApproval);
  };

  #ofRead(events: CallEvents, chosen: AuditLevel | undefined): Hooks {
    const isQuiet = ({ surface }: Arrival) => chosen === undefined && quietSurfaces.has(surface);
    return {
      around: (call, next) => {
        this.#options.trail.assertOpen();
        if (!isQuiet(call)) this.#states.set(call.callId, { is: "reading", args: events.argumentsOf(call) });
        return next();
      },
      settled: (call, outcome) => {
        const state = this.#take(call);
        if (state === undefined) return this.#notRun(call, outcome, events, !isQuiet(call));
        const { fields, body } = events.read(call, outcome, state.args);
        this.#options.trail.note(fields, body);
      },
    };
  }

  #ofWrite(events: CallEvents, needsApproval: boolean): Hooks {
    return {
      around: async (call, next) => {
        const args = events.argumentsOf(call);
        if (needsApproval) this.#states.set(call.callId, { is: "awaitingUse", args, call, events });
        else await this.#start(call, events, args);
        return next();
      },
      settled: async (call, outcome) => {
        const state = this.#take(call);
        if (state?.is !== "started") return this.#notRun(call, outcome, events, true);
        const { fields, body } = events.ended(call, outcome, state.args);
        const ended = draftOf({ fields: withApproval(fields, state.start), body });
        await this.#options.trail.record({ events: [ended], ...changesAtEnd(state.start, fields.outcome) });
      },
    };
  }

  /** Writes the `call.started` of a call without approval. @throws {QuaterError} `audit_unavailable`. */
  async #start(call: Approved, events: CallEvents, args: Arguments): Promise<void> {
    const starting: Starting = { is: "starting", args };
    this.#states.set(call.callId, starting);
    const neverRan = () => this.#noteNeverRan(call, events, {});
    const receipt = await this.#options.trail.record({ events: [draftOf(events.started(call, args))] }, neverRan);
    if ("refusal" in receipt) throw receipt.refusal;
    this.#markStarted(call.callId, starting, {}, neverRan);
  }

  /**
   * Writes `call.started` of a call with approval, after the given events, and together with the changes of rows that use the
   * approval.
   *
   * @returns The refusal, if the check of `start` or a change of a row refused the call. After a refusal, the trail has no new
   * event, and a plugin may call `commitStart` again.
   * @throws {Error} when the state of the call is not `awaitingUse`.
   * @throws {QuaterError} `audit_unavailable`.
   */
  async commitStart(callId: string, events: readonly Draft[], changes: readonly Statement[], start: CallStart): Promise<Receipt> {
    const state = this.#states.get(callId);
    if (state?.is !== "awaitingUse") throw new Error(`The start of the call ${callId} is not pending, so it cannot be recorded`);
    const { approvalId, check, tags } = start;
    const { fields, body } = state.events.started(state.call, state.args);
    const entry: Entry = {
      events: [...events, draftOf({ fields: withApproval(fields, start), body })],
      ...(changes.length === 0 ? {} : { changes }),
      ...(check === undefined ? {} : { check }),
    };
    const { trail } = this.#options;
    const neverRan = () => this.#noteNeverRan(state.call, state.events, start);
    if (approvalId !== undefined) await trail.assertUsable();
    const receipt = await trail.record(entry, neverRan);
    if ("refusal" in receipt) return receipt;
    if (approvalId !== undefined)
      await trail.sendUse(receipt, { approvalId, callId, ...tags }).catch((error: unknown) => {
        neverRan();
        throw error;
      });
    this.#markStarted(callId, state, start, neverRan);
    return receipt;
  }

  /**
   * Changes the state of a call to `started`.
   *
   * @param before  The state of the call when Quater began to write the start of the call.
   * @throws {Error} when Quater answered the call during the write, because a plugin around the handler gave up. In this case,
   * the handler of the call must not run.
   */
  #markStarted(callId: string, before: Starting | AwaitingUse, start: CallStart, neverRan: () => void): void {
    if (this.#states.get(callId) !== before) {
      neverRan();
      throw new Error(`The caller of the call ${callId} already got an answer before the start of the call was recorded`);
    }
    this.#states.set(callId, { is: "started", args: before.args, start });
  }

  /** Returns the state of a call that settles, and removes the state from memory. */
  #take({ callId }: Arrival): CallState | undefined {
    const state = this.#states.get(callId);
    this.#states.delete(callId);
    return state;
  }

  /**
   * Records that a call was refused although its `call.started` was written, because the commit of `call.started` succeeded after
   * the call had stopped to wait for the commit.
   */
  #noteNeverRan(call: Approved, events: CallEvents, start: CallStart): void {
    const fields: EventFields = {
      ...events.about(call),
      type: "call.ended",
      outcome: "refused",
      errorCode: "audit_unavailable",
    };
    this.#options.trail.noteBeside(withApproval(fields, start), changesAtEnd(start, "refused"));
  }

  /** Records a call whose handler did not run, because Quater refused the call, or answered the call with an earlier result. */
  #notRun(call: Arrival, outcome: Outcome, events: CallEvents | undefined, recordsReplays = false): void {
    const { trail, refusals } = this.#options;
    const about = events?.about(call) ?? aboutCall(call);
    if (outcome.ok) {
      if (recordsReplays && !call.isDryRun) trail.note({ ...about, type: "call.ended", outcome: "replayed" });
      return;
    }
    const { error } = outcome;
    if (call.principal === undefined) {
      refusals.unknown(call, error);
      return;
    }
    refusals.refused({
      ...about,
      type: "call.refused",
      outcome: "refused",
      errorCode: error.code,
      durationMs: Math.max(0, Date.now() - call.startedAt),
      ...(error.refusedBy === undefined ? {} : { policy: error.refusedBy }),
    });
  }
}

const draftOf = ({ fields, body }: CallEvent): Draft => (body === undefined ? { fields } : { fields, body });

const withApproval = (fields: EventFields, { approvalId }: CallStart): EventFields =>
  approvalId === undefined ? fields : { ...fields, approvalId };

/** Returns the changes of rows that Quater writes together with the end of a call. */
const changesAtEnd = ({ changesAtEnd: changes }: CallStart, outcome: EventFields["outcome"]): Pick<Entry, "beside"> =>
  changes === undefined || outcome === undefined ? {} : { beside: () => changes(outcome) };
