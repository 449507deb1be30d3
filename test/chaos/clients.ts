// A caller that does what the documentation tells callers to do: it repeats the identical call until it is answered, asks
// bea to approve it, and stops when the server says that the call ran before.

import type { Instance } from "./instances.ts";
import { pause } from "./instances.ts";
import type { Project } from "./project.ts";

/** How a payment ended for its caller. */
export type End =
  /** The caller was told that it succeeded. */
  | "ok"
  /** The caller was told that an identical call had started before, for example because its connection broke. */
  | "ran before";

export interface Refusal {
  readonly key: string;
  readonly status: number;
  readonly code: string;
  readonly callId: string | undefined;
}

interface Problem {
  readonly code?: string;
  readonly callId?: string;
  readonly approval?: { readonly id: string; readonly earlier?: { readonly match?: string; readonly outcome?: string } };
}

interface Answer {
  readonly status: number;
  readonly body: Problem & { readonly digest?: string };
}

/** The call did not start, and its caller may repeat it. */
const retryable = new Set([
  "audit_unavailable",
  "approval_unavailable",
  "unavailable",
  "overloaded",
  "stopping",
  "lock_busy",
  "rate_limited",
  "approval_expired",
  "approval_stale",
  "approval_schema_changed",
  "approval_policy_changed",
  "approval_unproven",
]);
/** The call may have started: the next answer tells. */
const uncertain = new Set(["outcome_unknown", "outcome_unrecorded", "cancelled"]);

export class Clients {
  readonly #project: Project;
  readonly #instances: readonly Instance[];
  readonly ends = new Map<string, End>();
  readonly refusals: Refusal[] = [];
  #turn = 0;

  constructor(project: Project, instances: readonly Instance[]) {
    this.#project = project;
    this.#instances = instances;
  }

  /** Sends the call once, to one instance after the other. @returns `undefined` when no answer came. */
  async send(key: string): Promise<Answer | undefined> {
    const answer = await this.#fetch("/payments", this.#project.robot, { key });
    const { code, callId } = answer?.body ?? {};
    if (answer !== undefined && code !== undefined) this.refusals.push({ key, status: answer.status, code, callId });
    return answer;
  }

  /** Repeats the call until it is known to have run. @throws for an answer that no caller should get. */
  async pay(key: string): Promise<void> {
    for (let attempt = 0; attempt < 2_000; attempt++) {
      const answer = await this.send(key);
      const { status, body } = answer ?? { status: 0, body: {} as Problem };
      const { code = "", approval } = body;
      if (status === 200) return void this.ends.set(key, "ok");
      if (code === "approval_used") return void this.ends.set(key, "ran before");
      if (code === "approval_required" && approval !== undefined) {
        if (isIdentical(approval.earlier)) return void this.ends.set(key, "ran before");
        await this.approve(approval.id);
      } else if (status === 0 || retryable.has(code) || uncertain.has(code)) await pause(100 + (attempt % 5) * 50);
      else throw new Error(`${key} was answered ${status} ${JSON.stringify(body).slice(0, 500)}`);
    }
    throw new Error(`${key} was not answered in 2,000 attempts`);
  }

  /** Files the request and has it approved, without using it. */
  async prepare(key: string): Promise<void> {
    const id = (await this.send(key))?.body.approval?.id;
    if (id === undefined) throw new Error(`No request was filed for ${key}`);
    await this.approve(id);
  }

  /** Bea reads the request and approves it; failures are left to the next attempt. */
  async approve(id: string): Promise<void> {
    const { bea } = this.#project;
    const shown = await this.#fetch(`/approvals/api/requests/${id}`, bea);
    const digest = shown?.body.digest;
    if (digest === undefined) return pause(100);
    await this.#fetch(`/approvals/api/requests/${id}/votes`, bea, { verdict: "approve", digest });
  }

  async #fetch(path: string, authorization: string, body?: object): Promise<Answer | undefined> {
    const instance = this.#instances[this.#turn++ % this.#instances.length];
    try {
      const response = await fetch(`${instance?.baseUrl}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization, "content-type": "application/json" },
        signal: AbortSignal.timeout(10_000),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Answer["body"] };
    } catch {
      return undefined; // killed, stopped, or restarting
    }
  }
}

/** Another payment is a similar call, and no reason to stop. */
const isIdentical = (earlier: { readonly match?: string } | undefined): boolean =>
  earlier !== undefined && (earlier.match === undefined || earlier.match === "identical");
