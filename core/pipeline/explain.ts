// Explains a call step by step, with the functions that real calls run. An explanation changes nothing: the handler does not run,
// and Quater does not call hooks that may change something.

import {
  approvalRefused,
  internal,
  invalidToken,
  isQuaterError,
  type QuaterError,
  unauthenticated,
  unknownHandler,
} from "../diagnostics/errors.ts";
import { type Authorized, type Bound, Cancellation, StagedCall } from "../model/call.ts";
import { newCallId } from "../model/call-id.ts";
import type { Catalog, Operation } from "../model/operation.ts";
import { anonymous, type Principal } from "../model/principal.ts";
import { replyingNowhere } from "../model/reply.ts";
import { type CallResources, callResources, type OpenResources } from "../model/resource.ts";
import { type ExplainedStep, type Explaining, type Explanation, explainedSteps } from "../plugin/explanation.ts";
import type { CompiledHandler, HandlerCompiler } from "./compiled-handler.ts";
import { type Door, principalAt } from "./door.ts";
import { refused } from "./guard.ts";
import { auth, bind, judgeStatic, refine } from "./pipeline.ts";
import { CallUploads, inputOf, type Uploads } from "./uploads.ts";

/** The caller of an explained call. */
type NamedCaller =
  | { readonly principal: Principal }
  | { readonly refused: QuaterError; readonly why: string }
  | { readonly unclear: string };

/**
 * Returns the result of a door for a credential whose name an operator gives. The authenticator receives no secret of the
 * credential, so nobody can make a call with the result of the door.
 */
const callerNamed = ({ surface, authenticator, reading }: Door, isPublic: boolean, name: string): NamedCaller => {
  if (authenticator === undefined) {
    const why = `the plugin ${surface.name}() has no authenticate option`;
    if (isPublic && surface.opensToPublic === true) return { principal: anonymous };
    return { refused: unauthenticated(surface.name), why };
  }
  const list = authenticator.listed?.();
  if (list === undefined) return { unclear: authenticator.name };
  const found = list.known.filter(({ id, principal }) => id === name || principal.subject === name);
  const chosen = found.find(({ refused }) => refused === undefined) ?? found.at(-1);
  const unclear = chosen === undefined ? list.unclear : chosen.unclear;
  if (unclear !== undefined) return { unclear };
  if (chosen !== undefined && chosen.refused === undefined)
    return { principal: surface.adopt?.(chosen.principal) ?? chosen.principal };
  const why =
    chosen === undefined ? `the authenticator ${authenticator.name} has no key ${name}` : `the key ${name} ${chosen.refused}`;
  return { refused: invalidToken({ ...reading, forget: [] }), why };
};

interface ExplainerParts {
  readonly catalog: Catalog;
  readonly doors: ReadonlyMap<string, Door>;
  readonly compilers: ReadonlyMap<string, HandlerCompiler>;
  readonly appResources: OpenResources;
  readonly uploads: Uploads;
}

export const explainer =
  (parts: ExplainerParts) =>
  async (asked: Explaining): Promise<Explanation> => {
    const { handler, surface } = asked;
    const steps = new Steps();
    const operation = parts.catalog.get(handler);
    const caller = await callerOf(parts, asked, operation);
    steps.caller(caller);
    const compiled = parts.compilers.get(handler)?.forCall();
    if (operation === undefined || compiled === undefined || !operation.surfaces.has(surface))
      steps.stop("exposure", unknownHandler(handler, surface), `${surface} does not expose ${handler}`);
    else {
      steps.pass("exposure", `${surface} exposes ${handler}`);
      // For an operator, the input is checked also if the caller is not known, so that the explanation lists every wrong field.
      const principal = "principal" in caller ? caller.principal : undefined;
      await new ExplainedCall(parts, asked, { operation, compiled, principal }, steps).run();
    }
    return explanationOf(asked, caller, steps.all());
  };

const callerOf = async (
  { doors, appResources }: ExplainerParts,
  { surface, as, handler }: Explaining,
  operation: Operation | undefined,
): Promise<NamedCaller> => {
  const door = doors.get(surface);
  if (door === undefined) return { refused: unknownHandler(handler, surface), why: `there is no surface named ${surface}` };
  if ("described" in as) return { principal: door.surface.adopt?.(as.described) ?? as.described };
  if ("key" in as) return callerNamed(door, operation?.isPublic === true, as.key);
  try {
    const entry = { surface, credentials: as.credentials, callId: newCallId(), handler };
    return { principal: await principalAt(door, entry, operation, false, (uses) => appResources.open(uses)) };
  } catch (error) {
    return { refused: ownError(error), why: ownError(error).message };
  }
};

const ownError = (error: unknown): QuaterError => (isQuaterError(error) ? error : internal(error));

/** The steps of the explained call that are known so far. */
class Steps {
  readonly #known = new Map<ExplainedStep["step"], ExplainedStep>();

  pass(step: ExplainedStep["step"], why: string): void {
    this.#known.set(step, { step, verdict: "passes", why });
  }

  unknown(step: ExplainedStep["step"], why: string): void {
    this.#known.set(step, { step, verdict: "cannot_tell", why });
  }

  stop(
    step: ExplainedStep["step"],
    { code, errors, message }: QuaterError,
    why = message,
    missing?: ExplainedStep["missing"],
  ): void {
    this.#known.set(step, {
      step,
      verdict: "stops",
      why,
      code,
      ...(errors === undefined ? {} : { errors }),
      ...(missing === undefined ? {} : { missing }),
    });
  }

  caller(caller: NamedCaller): void {
    if ("principal" in caller) {
      const { kind, subject, credential } = caller.principal;
      this.pass("door", `The caller is the ${kind} ${subject} with the credential ${credential}`);
    } else if ("refused" in caller) this.stop("door", caller.refused, `The door refuses the caller: ${caller.why}`);
    else this.unknown("door", `Quater cannot tell which principal the authenticator ${caller.unclear} returns for this key`);
  }

  all(): readonly ExplainedStep[] {
    const why = "An earlier step does not pass, or is not known";
    return explainedSteps.map((step) => this.#known.get(step) ?? { step, verdict: "skipped", why });
  }
}

interface Known {
  readonly operation: Operation;
  readonly compiled: CompiledHandler;
  readonly principal: Principal | undefined;
}

const nobody: Principal = { issuer: "", subject: "", kind: "user", credential: "", scopes: [], roles: [], claims: {} };

/** Runs the stages of one explained call. Quater rolls back the resources that the policy or a preview opens. */
class ExplainedCall {
  readonly #asked: Explaining;
  readonly #known: Known;
  readonly #steps: Steps;
  readonly #call: StagedCall;
  readonly #uploads: CallUploads | undefined;
  readonly #resources: CallResources;

  constructor({ appResources, uploads }: ExplainerParts, asked: Explaining, known: Known, steps: Steps) {
    const { operation, compiled, principal } = known;
    this.#asked = asked;
    this.#known = known;
    this.#steps = steps;
    const used = callResources(operation.handler.use, appResources, () => this.#call);
    this.#uploads = compiled.files.size === 0 ? undefined : new CallUploads(uploads, compiled.files);
    this.#resources = this.#uploads?.closedWith(used) ?? used;
    this.#call = new StagedCall({
      callId: newCallId(),
      surface: asked.surface,
      handler: operation.name,
      operation,
      principal: principal ?? nobody,
      startedAt: Date.now(),
      peer: undefined,
      traceId: undefined,
      isDryRun: true,
      cancellation: new Cancellation(),
      progress: () => {},
      replying: replyingNowhere,
      approvalId: asked.approvalId,
      resources: this.#resources.open,
    });
  }

  async run(): Promise<void> {
    try {
      const isAllowed = this.#known.principal !== undefined && this.#rights();
      if (!isAllowed && this.#asked.isForCaller === true) return;
      const bound = await this.#bind();
      if (!isAllowed || bound === undefined) return;
      const authorized = await this.#auth(bound);
      if (authorized !== undefined) await this.#later(authorized);
    } finally {
      await this.#resources.close(true);
    }
  }

  #rights(): boolean {
    const { name, scopes, roles } = this.#known.operation.policy;
    try {
      judgeStatic(this.#call);
    } catch (error) {
      const { principal } = this.#call;
      const missing = {
        scopes: scopes.filter((scope) => !principal.scopes.includes(scope)),
        roles: roles.filter((role) => !principal.roles.includes(role)),
      };
      this.#steps.stop("rights", ownError(error), `The policy is ${name}. ${ownError(error).message}`, missing);
      return false;
    }
    const needed =
      scopes.length + roles.length === 0 ? "needs no scope and no role" : "allows the scopes and roles of the caller";
    this.#steps.pass("rights", `The policy ${name} ${needed}`);
    return true;
  }

  async #bind(): Promise<Bound | undefined> {
    const { compiled } = this.#known;
    try {
      const read = await inputOf(this.#asked.given, this.#uploads);
      const bound = await refine(bind(this.#call, read, compiled), compiled);
      this.#steps.pass("bind", "The input fits the schema");
      return bound;
    } catch (error) {
      this.#steps.stop("bind", ownError(error));
      return undefined;
    }
  }

  async #auth(bound: Bound): Promise<Authorized | undefined> {
    const { operation, compiled } = this.#known;
    const { policy } = operation;
    if ("described" in this.#asked.as) {
      const others = compiled.hooks.has.authorize ? "plugins" : "functions";
      if (!policy.allowsStatically(bound.principal) || compiled.hooks.has.authorize) {
        this.#steps.unknown("auth", `The policy ${policy.name} depends on ${others}, which only a real credential can pass`);
        return undefined;
      }
    }
    try {
      const authorized = await auth(bound, compiled);
      this.#steps.pass("auth", `The policy ${authorized.allowedBy} allows the call`);
      return authorized;
    } catch (error) {
      this.#steps.stop("auth", ownError(error));
      return undefined;
    }
  }

  /** Explains the steps in which plugins decide. Does not call a hook that may change something, such as the count of calls. */
  async #later(authorized: Authorized): Promise<void> {
    const { compiled } = this.#known;
    const { has } = compiled.hooks;
    if (has.admit) this.#steps.unknown("admit", "A plugin may limit or replay the call, and can only decide about a real call");
    else this.#steps.pass("admit", "No plugin limits or replays calls");
    if (!(await this.#approve(authorized))) return;
    if (has.hold) this.#steps.pass("hold", "The call waits for its lock, for a limited time");
    else this.#steps.pass("hold", "The call needs no lock");
  }

  async #approve(authorized: Authorized): Promise<boolean> {
    const { hooks } = this.#known.compiled;
    if (!hooks.has.approve) {
      this.#steps.pass("approve", "The call needs no approval");
      return true;
    }
    if ("described" in this.#asked.as) {
      this.#steps.unknown("approve", "People must approve the call, and an approval belongs to a real credential");
      return false;
    }
    try {
      const answer = await hooks.first("foresee", authorized);
      if (answer === undefined) {
        this.#steps.unknown("approve", "A plugin decides about approval, and cannot say its answer in advance");
        return false;
      }
      const verdict = Object(answer) as { readonly allow?: unknown; readonly error?: QuaterError; readonly reason?: string };
      if (answer !== true && verdict.allow !== true)
        throw (
          verdict.error ??
          refused({ allow: false, by: "approval", ...(typeof answer === "string" ? { reason: answer } : {}) }, approvalRefused)
        );
      this.#steps.pass("approve", "The call has an approval, or needs none on this surface");
      return true;
    } catch (error) {
      this.#steps.stop("approve", ownError(error));
      return false;
    }
  }
}

const explanationOf = ({ handler, surface }: Explaining, caller: NamedCaller, steps: readonly ExplainedStep[]): Explanation => {
  const first = steps.find(({ verdict }) => verdict === "stops" || verdict === "cannot_tell");
  const isStopped = first?.verdict === "stops";
  return {
    handler,
    surface,
    caller: "principal" in caller ? shownCaller(caller.principal) : null,
    verdict: first === undefined ? "runs" : isStopped ? "stops" : "cannot_tell",
    step: first?.step ?? null,
    code: first?.code ?? null,
    steps,
  };
};

const shownCaller = ({ claims: _, ...caller }: Principal): Explanation["caller"] => caller;
