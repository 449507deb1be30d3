// The gate: the only way from a surface to a handler. The gate authenticates callers, sends calls through the pipeline, closes
// the resources of a call, runs the `settled` hooks, and stores which calls are running.

import { errorText } from "../diagnostics/error-text.ts";
import {
  askingFor,
  cutOff,
  internal,
  isQuaterError,
  outcomeUnrecorded,
  type QuaterError,
  refusedMidway,
  stopping,
  unknownHandler,
} from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import type { Arriving } from "../model/arriving.ts";
import type { AppResources } from "../model/authenticator.ts";
import { type Arrival, Cancellation, type Outcome, StagedCall } from "../model/call.ts";
import { newCallId } from "../model/call-id.ts";
import type { Catalog, Operation } from "../model/operation.ts";
import { type Awaitable, andThen, type Principal } from "../model/principal.ts";
import { replyingNowhere } from "../model/reply.ts";
import { callResources, OpenResources, usingNothing } from "../model/resource.ts";
import { answeredInTime, isFresh, Standing, Watch } from "../model/standing.ts";
import type { Gate, Invocation } from "../plugin/gate.ts";
import { type HookRunner, type HookSource, hookRunner } from "../plugin/hooks.ts";
import { CallErrors } from "./call-errors.ts";
import { CheckedStream } from "./checked-stream.ts";
import { HandlerCompiler } from "./compiled-handler.ts";
import type { Door } from "./door.ts";
import { principalAt } from "./door.ts";
import { rehearse } from "./dry-run.ts";
import { runPipeline } from "./pipeline.ts";
import { endEarly, heedMs, type RunningCall, RunningCalls, release, tell } from "./running-calls.ts";
import { CallUploads, type Uploads } from "./uploads.ts";

const noProgress = (): void => {};

/** How long a stop waits until Quater has recorded the ends of abandoned calls, milliseconds. */
const recordMs = 1_000;

export class PipelineGate implements Gate {
  readonly appResources = new OpenResources();
  /** Returns the names of the plugins that are not ready. The kernel replaces this function after the setup of the plugins. */
  readiness: () => Promise<readonly string[]> = async () => [];
  phase: "booting" | "running" | "stopping" = "booting";
  readonly #catalog: Catalog;
  readonly #doors: ReadonlyMap<string, Door>;
  readonly #log: Log;
  readonly #maxOutputBytes: number;
  readonly #uploads: Uploads;
  readonly #errors: CallErrors;
  readonly #compilers = new Map<string, HandlerCompiler>();
  readonly #running = new RunningCalls();
  readonly explain: Gate["explain"];
  readonly #enterAgain = (entry: Arriving): Awaitable<Principal> => this.#principalOf(entry, true);
  readonly #openApp: AppResources = (uses) => this.appResources.open(uses);
  #ofUnknownHandlers: HookRunner | undefined;

  constructor(catalog: Catalog, doors: ReadonlyMap<string, Door>, log: Log, maxOutputBytes: number, uploads: Uploads) {
    this.#catalog = catalog;
    this.#doors = doors;
    this.#log = log;
    this.#maxOutputBytes = maxOutputBytes;
    this.#uploads = uploads;
    this.#errors = new CallErrors(log);
    const parts = { catalog, doors, compilers: this.#compilers, appResources: this.appResources, uploads };
    this.explain = async (asked) => (await import("./explain.ts")).explainer(parts)(asked);
  }

  /**
   * Compiles the binder, the hooks and the output check of every handler at boot.
   *
   * @returns The boot problems of the plugins' hooks.
   */
  compile(sources: readonly HookSource[], root: string): readonly BootProblem[] {
    this.#ofUnknownHandlers = hookRunner(sources, undefined, this.#log);
    const problems = [...this.#ofUnknownHandlers.problems];
    for (const operation of this.#catalog.operations) {
      const hooks = hookRunner(sources, operation, this.#log);
      problems.push(...hooks.problems);
      const source = { operation, hooks, maxOutputBytes: this.#maxOutputBytes, root };
      this.#compilers.set(operation.name, new HandlerCompiler(source));
    }
    return problems;
  }

  newCallId(): string {
    return newCallId();
  }

  enter(entry: Arriving): Awaitable<Principal> {
    try {
      return this.#recorded(entry, this.#principalOf(entry, false));
    } catch (error) {
      return this.#turnAway(error, entry);
    }
  }

  enterAgain(entry: Arriving, principal: Principal, since: number): Awaitable<Principal> {
    if (isFresh(since)) return principal;
    try {
      return this.#recorded(entry, new Standing(this.#enterAgain, entry, since).again(principal) ?? principal);
    } catch (error) {
      return this.#turnAway(error, entry);
    }
  }

  #principalOf(entry: Arriving, isAgain: boolean): Awaitable<Principal> {
    const door = this.#doors.get(entry.surface);
    if (door === undefined) throw internal(new Error(`There is no surface named ${entry.surface}`));
    return principalAt(door, entry, this.#operationOf(entry), isAgain, this.#openApp);
  }

  #operationOf({ handler }: Arriving): Operation | undefined {
    return handler === undefined ? undefined : this.#catalog.get(handler);
  }

  /** Runs the `settled` hooks also when Quater refuses the credential of a caller. */
  #recorded(entry: Arriving, found: Awaitable<Principal>): Awaitable<Principal> {
    return found instanceof Promise ? found.catch((error: unknown) => this.#turnAway(error, entry)) : found;
  }

  async #turnAway(error: unknown, entry: Arriving): Promise<never> {
    const operation = this.#operationOf(entry);
    const { callId, surface, traceId, isRemote } = entry;
    // Record only names of exposed handlers. Otherwise, callers without access could fill the trail with any text.
    const arrival = {
      callId,
      surface,
      handler: operation?.name,
      principal: undefined,
      startedAt: Date.now(),
      peer: entry.credentials.peer,
      traceId,
      isDryRun: false,
      isRemote,
    };
    const refusal = { ok: false, error: this.#errors.logged(error, arrival), callId } as const;
    const outcome = await this.#settle(arrival, refusal, this.#hooksOf(operation));
    throw outcome.ok ? error : outcome.error;
  }

  get isStopping(): boolean {
    return this.phase === "stopping";
  }

  invoke(invocation: Invocation): Promise<Outcome> {
    return new Promise((answer) => this.call(invocation, answer));
  }

  call(invocation: Invocation, answer: (outcome: Outcome) => void): void {
    const { surface, principal, callId = newCallId(), cancellation = new Cancellation(), entry, given, room } = invocation;
    const isDryRun = invocation.dryRun === true;
    const operation = this.#catalog.get(invocation.handler);
    const compiled = this.#compilers.get(invocation.handler)?.forCall();
    const isExposed = operation?.surfaces.has(surface) === true;
    if (operation === undefined || compiled === undefined || !isExposed || this.phase === "stopping") {
      const { handler, peer, traceId } = invocation;
      const known = { callId, surface, handler: operation?.name, principal, peer, traceId };
      const arrival = { ...known, startedAt: Date.now(), isDryRun, isRemote: entry?.isRemote };
      const error = isExposed ? stopping() : unknownHandler(handler, surface);
      const hooks = this.#hooksOf(isExposed ? operation : undefined);
      void andThen(this.#settle(arrival, { ok: false, error, callId }, hooks), answer);
      return;
    }
    const used = compiled.usesResources ? callResources(operation.handler.use, this.appResources, () => call) : usingNothing;
    const uploads = compiled.files.size === 0 ? undefined : new CallUploads(this.#uploads, compiled.files);
    const resources = uploads?.closedWith(used) ?? used;
    const enteredAt = compiled.isDirect && !isDryRun ? undefined : performance.now();
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
      isRemote: entry?.isRemote,
      cancellation,
      progress: invocation.progress ?? noProgress,
      replying: invocation.replying ?? replyingNowhere,
      approvalId: invocation.approvalId,
      resources: resources.open,
    };
    const call = new StagedCall(from, standing);
    const running = this.#running.begin({ call, resources, uploads, hooks: compiled.hooks, answer });
    let result: Awaitable<unknown>;
    try {
      result = isDryRun ? rehearse(call, given, compiled, uploads) : runPipeline(running, given, compiled, room);
    } catch (error) {
      this.#fail(running, error);
      return;
    }
    if (!(result instanceof Promise)) this.#answer(running, { ok: true, value: result, callId });
    else
      void result.then(
        (value) => this.#answer(running, { ok: true, value, callId }),
        (error: unknown) => this.#fail(running, error),
      );
  }

  #fail(running: RunningCall, error: unknown): void {
    const { callId, surface } = running.call;
    const told = this.#errors.told(error, running);
    const reading = this.#doors.get(surface)?.reading;
    this.#answer(running, {
      ok: false,
      error: reading === undefined ? told : askingFor(told, { ...reading, forget: [] }),
      callId,
    });
  }

  /** Ends the call and gives the outcome of the call to the caller. Never throws. */
  #answer(running: RunningCall, outcome: Outcome): void {
    if (outcome.ok && outcome.value instanceof CheckedStream) {
      this.#begin(running, outcome.value);
      tell(running, outcome);
      return;
    }
    const ended = this.#finish(running, outcome);
    if (ended instanceof Promise) void ended.then((settled) => tell(running, settled));
    else tell(running, ended);
  }

  /** Starts to send a stream. The call ends with the stream, and Quater checks the caller's credential until the call ends. */
  #begin(running: RunningCall, stream: CheckedStream): void {
    const { call } = running;
    const { callId } = call;
    running.stream = stream;
    running.hasRun = false; // A streaming handler runs until its last item.
    const again = (ageMs: number) => {
      const checking = StagedCall.enterAgain(call, ageMs);
      if (checking === undefined) return undefined;
      return answeredInTime(checking, call.surface).catch((error: unknown) => {
        throw call.operation.handler.effect !== "read" && isQuaterError(error) ? refusedMidway(error) : error;
      });
    };
    const watch = call.hasStanding ? new Watch(again, (error) => void endEarly(running, stream, error, this.#log)) : undefined;
    const ended = async (failure: unknown): Promise<QuaterError | undefined> => {
      watch?.stop();
      running.hasRun = failure === undefined;
      const end: Outcome =
        failure === undefined
          ? { ok: true, value: undefined, callId }
          : { ok: false, error: this.#errors.told(failure, running), callId };
      const settled = await this.#finish(running, end);
      return settled.ok ? undefined : settled.error;
    };
    stream.whenEnded(ended, call.cancellation, watch);
  }

  async unready(): Promise<readonly string[]> {
    return this.phase === "running" ? this.readiness() : ["kernel"];
  }

  /**
   * Refuses new calls and waits for running calls. After `drainMs` milliseconds the AbortSignals of running calls abort. Shortly
   * after this abort, calls that still run are answered with `outcome_unknown` or `stopping`. The connections of these calls are
   * still open at this time.
   */
  async drain(drainMs: number): Promise<void> {
    this.phase = "stopping";
    if (this.#running.size === 0) return;
    this.#log.info(`Waiting for ${this.#running.size} running calls before the stop`);
    if (await this.#running.emptyWithin(drainMs)) return;
    const late = this.#running.all();
    this.#log.warn(`Cancelling ${late.length} calls that did not end within ${drainMs} ms`);
    for (const running of late) running.isCutOff = !running.call.cancellation.isCancelled;
    for (const { call } of late) call.cancellation.cancel(); // Several calls may share one `Cancellation`.
    // End streams also here, because a stream that nobody reads would never end.
    for (const { stream } of late) void stream?.return().catch(() => {});
    if (await this.#running.emptyWithin(heedMs)) return;
    const deaf = this.#running.all();
    this.#log.warn(
      `${deaf.length} calls ignore the abort of their AbortSignal and still run. The callers of these calls get an error`,
    );
    for (const running of deaf) void this.#abandon(running);
    await this.#running.emptyWithin(recordMs);
  }

  /** Answers and records a call whose handler may still run. */
  async #abandon(running: RunningCall): Promise<void> {
    running.isAbandoned = true;
    const { call, stream } = running;
    if (stream !== undefined) return stream.cutOff();
    const error = call.isApproved && call.operation.handler.effect !== "read" ? cutOff() : stopping();
    tell(running, await this.#end(running, { ok: false, error, callId: call.callId }));
  }

  /**
   * Closes the resources of a call before the outcome is recorded and answered. A commit must not fail after a reported success.
   */
  #finish(running: RunningCall, outcome: Outcome): Awaitable<Outcome> {
    const { call, resources } = running;
    // The handler's iterable still uses the resources of the call.
    if (running.isAbandoned && running.stream !== undefined) return this.#end(running, outcome);
    // If the handler has returned, Quater commits the handler's changes, even if Quater cannot send the result.
    const isDone = outcome.ok || (running.hasRun && outcome.error.code === "output_undelivered");
    const closing = resources.close(!isDone || call.isDryRun); // Roll back the resources of a dry run's preview.
    if (closing === undefined) return this.#end(running, outcome);
    return closing.then(
      () => this.#end(running, outcome),
      (error: unknown) => {
        const failure = this.#errors.told(error, running);
        return this.#end(running, isDone ? { ok: false, error: failure, callId: call.callId } : outcome);
      },
    );
  }

  #end(running: RunningCall, outcome: Outcome): Awaitable<Outcome> {
    if (running.hasEnded) return outcome;
    running.hasEnded = true;
    const { call } = running;
    return andThen(this.#settle(call, outcome, running.hooks), (settled) => {
      // An abandoned handler may still run, so the call keeps its locks.
      if (running.holdings === undefined || running.holdings.length === 0 || running.isAbandoned) this.#running.end(running);
      // The caller gets the answer before the locks are released.
      else void release(running, this.#log).then(() => this.#running.end(running));
      return settled;
    });
  }

  #hooksOf(operation: Operation | undefined): HookRunner | undefined {
    return operation === undefined ? this.#ofUnknownHandlers : this.#compilers.get(operation.name)?.hooks;
  }

  #settle(arrival: Arrival, outcome: Outcome, hooks: HookRunner | undefined): Awaitable<Outcome> {
    return hooks?.has.settled === true ? this.#observed(hooks, arrival, outcome) : outcome;
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
    // A refused or failed call keeps its error code.
    return outcome.ok ? { ok: false, error: outcomeUnrecorded(first.error), callId } : outcome;
  }
}
