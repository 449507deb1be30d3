// The gate: the only way from a surface to a handler. It lets callers in at the doors, sends calls through the pipeline,
// closes what a call opened, tells the observers, and knows which calls are in flight.

import { randomUUID } from "node:crypto";
import { errorText } from "../diagnostics/error-text.ts";
import {
  cancelled,
  cutOff,
  failedAfterwards,
  internal,
  isQuaterError,
  outcomeUnrecorded,
  type QuaterError,
  refusedMidway,
  stopping,
  unknownHandler,
} from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import type { Problem } from "../diagnostics/problem.ts";
import { type Arrival, Cancellation, isAbort, type Outcome, StagedCall } from "../model/call.ts";
import type { Entry } from "../model/entry.ts";
import type { Catalog, Operation } from "../model/operation.ts";
import { type Awaitable, andThen, type Principal } from "../model/principal.ts";
import { callResources, OpenResources } from "../model/resource.ts";
import { answeredInTime, isFresh, Standing, Watch } from "../model/standing.ts";
import type { Gate, Invocation } from "../plugin/gate.ts";
import { type HookRunner, type HookSource, hookRunner } from "../plugin/hooks.ts";
import type { Door } from "./door.ts";
import { principalAt } from "./door.ts";
import { rehearse } from "./dry-run.ts";
import { endEarly, type Flight, Flights, heedMs, noteLate, release } from "./flights.ts";
import { type Machine, machineOf } from "./machine.ts";
import { CheckedStream } from "./output.ts";
import { runPipeline } from "./pipeline.ts";
import { RefusalLog } from "./refusal-log.ts";

const noProgress = (): void => {};

/** How long the ends of the others may take to be recorded. */
const recordMs = 1_000;

export class PipelineGate implements Gate {
  readonly appResources = new OpenResources();
  /** Plugins that are not ready; set by the kernel once they are set up. */
  readiness: () => Promise<readonly string[]> = async () => [];
  phase: "booting" | "running" | "stopping" = "booting";
  readonly #catalog: Catalog;
  readonly #doors: ReadonlyMap<string, Door>;
  readonly #log: Log;
  readonly #maxOutputBytes: number;
  readonly #refusals: RefusalLog;
  readonly #machines = new Map<string, Machine>();
  readonly #flights = new Flights();
  readonly #enterAgain = (entry: Entry): Awaitable<Principal> => this.#principalOf(entry, true);
  #strangers: HookRunner | undefined;

  constructor(catalog: Catalog, doors: ReadonlyMap<string, Door>, log: Log, maxOutputBytes: number) {
    this.#catalog = catalog;
    this.#doors = doors;
    this.#log = log;
    this.#maxOutputBytes = maxOutputBytes;
    this.#refusals = new RefusalLog(log);
  }

  /**
   * Makes binder, hooks and output check of every handler; nothing of it is left for calls to do.
   *
   * @returns What is wrong with the hooks, by handler.
   */
  compile(sources: readonly HookSource[]): readonly Problem[] {
    this.#strangers = hookRunner(sources, undefined, this.#log);
    const problems = [...this.#strangers.problems];
    for (const operation of this.#catalog.operations) {
      const hooks = hookRunner(sources, operation, this.#log);
      problems.push(...hooks.problems);
      this.#machines.set(operation.name, machineOf(operation, hooks, this.#maxOutputBytes));
    }
    return problems;
  }

  newCallId(): string {
    return randomUUID();
  }

  enter(entry: Entry): Awaitable<Principal> {
    try {
      return this.#recorded(entry, this.#principalOf(entry, false));
    } catch (error) {
      return this.#turnAway(error, entry);
    }
  }

  enterAgain(entry: Entry, principal: Principal, since: number): Awaitable<Principal> {
    if (isFresh(since)) return principal;
    try {
      return this.#recorded(entry, new Standing(this.#enterAgain, entry, since).again(principal) ?? principal);
    } catch (error) {
      return this.#turnAway(error, entry);
    }
  }

  #principalOf(entry: Entry, isAgain: boolean): Awaitable<Principal> {
    const door = this.#doors.get(entry.surface);
    if (door === undefined) throw internal(new Error(`There is no surface named ${entry.surface}`));
    return principalAt(door, entry, this.#operationOf(entry), isAgain);
  }

  #operationOf({ handler }: Entry): Operation | undefined {
    return handler === undefined ? undefined : this.#catalog.get(handler);
  }

  /** Observers are told of every caller who is not let in. */
  #recorded(entry: Entry, found: Awaitable<Principal>): Awaitable<Principal> {
    return found instanceof Promise ? found.catch((error: unknown) => this.#turnAway(error, entry)) : found;
  }

  async #turnAway(error: unknown, entry: Entry): Promise<never> {
    const operation = this.#operationOf(entry);
    const { callId, surface, credentials, traceId } = entry;
    const { peer } = credentials;
    // Only names of the catalog: anybody may send any other name, and it would be stored.
    const arrival = {
      callId,
      surface,
      handler: operation?.name,
      principal: undefined,
      startedAt: Date.now(),
      peer,
      traceId,
      isDryRun: false,
    };
    const outcome = await this.#settle(arrival, { ok: false, error: this.#logged(error, arrival), callId }, operation);
    throw outcome.ok ? error : outcome.error;
  }

  get isStopping(): boolean {
    return this.phase === "stopping";
  }

  invoke(invocation: Invocation): Promise<Outcome> {
    const { surface, principal, callId = randomUUID(), cancellation = new Cancellation() } = invocation;
    const isDryRun = invocation.dryRun === true;
    const operation = this.#catalog.get(invocation.handler);
    const machine = this.#machines.get(invocation.handler);
    const isExposed = operation?.surfaces.has(surface) === true;
    if (operation === undefined || machine === undefined || !isExposed || this.phase === "stopping") {
      const { handler, peer, traceId } = invocation;
      const arrival = { callId, surface, handler: operation?.name, principal, startedAt: Date.now(), peer, traceId, isDryRun };
      const error = isExposed ? stopping() : unknownHandler(handler, surface);
      return Promise.resolve(this.#settle(arrival, { ok: false, error, callId }, isExposed ? operation : undefined));
    }
    const resources = callResources(operation.handler.use, this.appResources);
    const { entry } = invocation;
    const enteredAt = machine.isDirect && !isDryRun ? undefined : performance.now();
    const standing = entry && new Standing(this.#enterAgain, entry, enteredAt);
    const from = {
      callId,
      surface,
      handler: operation.name,
      operation,
      principal,
      startedAt: Date.now(),
      peer: invocation.peer,
      traceId: invocation.traceId,
      isDryRun,
      cancellation,
      progress: invocation.progress ?? noProgress,
      approvalId: invocation.approvalId,
      resources: resources.open,
    };
    const call = new StagedCall(from, standing);
    return new Promise((answer) => {
      const flight = this.#flights.begin(call, resources, machine.hooks.has("hold"), answer);
      const { given, room } = invocation;
      const failed = (error: unknown) => this.#answer(flight, { ok: false, error: this.#told(error, flight), callId });
      try {
        const running = isDryRun ? rehearse(call, given, machine) : runPipeline(flight, given, machine, room);
        if (!(running instanceof Promise)) this.#answer(flight, { ok: true, value: running, callId });
        else void running.then((value) => this.#answer(flight, { ok: true, value, callId }), failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  /** Ends the call and tells its caller. Never throws. */
  #answer(flight: Flight, outcome: Outcome): void {
    if (outcome.ok && outcome.value instanceof CheckedStream) {
      this.#begin(flight, outcome.value);
      flight.answer(outcome);
      return;
    }
    void andThen(this.#finish(flight, outcome), flight.answer);
  }

  /** The call ends with its stream, and the caller's credential is checked until then. */
  #begin(flight: Flight, stream: CheckedStream): void {
    const { call } = flight;
    const { callId } = call;
    flight.stream = stream;
    flight.hasRun = false; // it runs until its last item
    const again = (ageMs: number) => {
      const checking = StagedCall.enterAgain(call, ageMs);
      if (checking === undefined) return undefined;
      return answeredInTime(checking, call.surface).catch((error: unknown) => {
        throw call.operation.handler.effect !== "read" && isQuaterError(error) ? refusedMidway(error) : error;
      });
    };
    const watch = call.hasStanding ? new Watch(again, (error) => void endEarly(flight, stream, error, this.#log)) : undefined;
    const ended = async (failure: unknown): Promise<QuaterError | undefined> => {
      watch?.stop();
      flight.hasRun = failure === undefined;
      const end: Outcome =
        failure === undefined
          ? { ok: true, value: undefined, callId }
          : { ok: false, error: this.#told(failure, flight), callId };
      const settled = await this.#finish(flight, end);
      return settled.ok ? undefined : settled.error;
    };
    stream.whenEnded(ended, call.cancellation, watch);
  }

  async unready(): Promise<readonly string[]> {
    return this.phase === "running" ? this.readiness() : ["kernel"];
  }

  /**
   * Refuses new calls and waits for those in flight. After `drainMs` milliseconds their signals abort. What still runs a little
   * later is told to its caller as what it is, while there is a connection to tell it on.
   */
  async drain(drainMs: number): Promise<void> {
    this.phase = "stopping";
    if (this.#flights.size === 0) return;
    this.#log.info(`Waiting for ${this.#flights.size} calls in flight`);
    if (await this.#flights.emptyWithin(drainMs)) return;
    const late = this.#flights.all();
    this.#log.warn(`Cancelling ${late.length} calls that did not end in ${drainMs} ms`);
    for (const flight of late) flight.isCutOff = !flight.call.cancellation.isCancelled;
    for (const { call } of late) call.cancellation.cancel(); // several calls may share one
    // Nobody may be reading, and then nothing but this would end them.
    for (const { stream } of late) void stream?.return().catch(() => {});
    if (await this.#flights.emptyWithin(heedMs)) return;
    const deaf = this.#flights.all();
    this.#log.warn(`${deaf.length} calls run on although their signal has aborted: their callers are told so`);
    for (const flight of deaf) void this.#abandon(flight);
    await this.#flights.emptyWithin(recordMs);
  }

  /** Ends a call for its caller and the record, although its handler may still run. */
  async #abandon(flight: Flight): Promise<void> {
    flight.isAbandoned = true;
    const { call, stream } = flight;
    if (stream !== undefined) return stream.cutOff();
    const error = call.isApproved && call.operation.handler.effect !== "read" ? cutOff() : stopping();
    flight.answer(await this.#end(flight, { ok: false, error, callId: call.callId }));
  }

  /** Resources close before the outcome is recorded and answered: a failed commit must not follow a success. */
  #finish(flight: Flight, outcome: Outcome): Awaitable<Outcome> {
    const { call, resources } = flight;
    if (flight.isAbandoned && flight.stream !== undefined) return this.#end(flight, outcome); // its source still uses them
    // A handler that ran to its end keeps what it changed, also when its result cannot be sent.
    const isDone = outcome.ok || (flight.hasRun && outcome.error.code === "output_undelivered");
    const closing = resources.close(!isDone || call.isDryRun); // what a dry run's preview opened is rolled back
    if (closing === undefined) return this.#end(flight, outcome);
    return closing.then(
      () => this.#end(flight, outcome),
      (error: unknown) => {
        const failure = this.#told(error, flight);
        return this.#end(flight, isDone ? { ok: false, error: failure, callId: call.callId } : outcome);
      },
    );
  }

  #end(flight: Flight, outcome: Outcome): Awaitable<Outcome> {
    if (flight.hasEnded) return outcome;
    flight.hasEnded = true;
    const { call } = flight;
    return andThen(this.#settle(call, outcome, call.operation), (settled) => {
      // A handler that is abandoned may still run: what it holds is not for others yet.
      if (flight.holdings === undefined || flight.holdings.length === 0 || flight.isAbandoned) this.#flights.end(flight);
      else void release(flight, this.#log).then(() => this.#flights.end(flight)); // the answer does not wait for it
      return settled;
    });
  }

  #settle(arrival: Arrival, outcome: Outcome, operation: Operation | undefined): Awaitable<Outcome> {
    const hooks = operation === undefined ? this.#strangers : this.#machines.get(operation.name)?.hooks;
    return hooks?.has("settled") === true ? this.#observed(hooks, arrival, outcome) : outcome;
  }

  async #observed(hooks: HookRunner, arrival: Arrival, outcome: Outcome): Promise<Outcome> {
    const failures = await hooks.observe("settled", arrival, outcome);
    const [first] = failures;
    if (first === undefined) return outcome;
    const { callId, handler } = arrival;
    for (const { plugin, hook, error } of failures) {
      const fields = { callId, handler, plugin, hook, error: errorText(error) };
      this.#log.error("The end of a call could not be recorded", fields);
    }
    // A refusal stays what it is: nothing ran, and saying otherwise would be a lie.
    return outcome.ok ? { ok: false, error: outcomeUnrecorded(first.error), callId } : outcome;
  }

  /** What the caller is told of a failure. */
  #told(error: unknown, { call, stream, isCutOff, hasRun }: Flight): QuaterError {
    const { cancellation, handler, operation } = call;
    const isOfCancel = !hasRun && cancellation.isCancelled && (!isQuaterError(error) || error.kind === "cancelled");
    if (!isOfCancel) {
      const told = asQuaterError(error);
      const isPastRun = hasRun && told.kind !== "outcome_unknown" && operation.handler.effect !== "read";
      return this.#logged(isPastRun ? failedAfterwards(handler, told) : told, call);
    }
    if (operation.handler.effect === "read") noteLate(error, call, this.#log);
    else if (!isAbort(error)) this.#logged(error, call); // nobody else hears of it
    if (!isCutOff) return cancelled();
    // Safe to repeat where nothing was changed: the handler had not begun, or only reads.
    const hasBegun = !isQuaterError(error) || stream !== undefined;
    return hasBegun && operation.handler.effect !== "read" ? cutOff() : stopping();
  }

  /** What only the operator may know goes to the log: our own failures, and the causes of others. */
  #logged(error: unknown, arrival: Arrival): QuaterError {
    const { callId, handler, surface } = arrival;
    const told = asQuaterError(error);
    this.#refusals.write(told, arrival);
    if (told.kind === "internal" || told.cause !== undefined)
      this.#log.error(`${handler ?? "A call"} failed`, {
        callId,
        handler,
        surface,
        hint: told.hint,
        error: told.cause === undefined ? undefined : errorText(told.cause),
      });
    return told;
  }
}

const asQuaterError = (error: unknown): QuaterError => (isQuaterError(error) ? error : internal(error));
