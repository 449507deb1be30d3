// Boots the copy of the manifest, and calls the handlers of the copy through the probe of a surface. Finds out from the stand-ins
// and from the trail whether a handler started.

import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../core/index.ts";
import { type Awaitable, type Catalog, isCannotSend, type Operation, type ProbeCall } from "../../core/plugin-api.ts";
import { bootTest, type TestApp } from "../../core/testing/index.ts";
import { kernelOf } from "../../core/testing/kernel-of.ts";
import { reasonIn } from "../../core/testing/reason.ts";
import { type Approvals, approvalsRef, storeRef } from "../offered.ts";
import { copyOf, Tokens } from "./copy.ts";
import { Interlude } from "./interlude.ts";
import { PolicyReads } from "./policy-reads.ts";
import type { Refusal } from "./refusals.ts";
import { Untried } from "./untried.ts";

/** The result of one call of the gate suite. */
export interface Seen {
  /** The result of the call: `ran`, or the error code of the refusal. */
  readonly got: string;
  /** The error message that the caller got. For the error `internal`, the error message in the log of Quater. */
  readonly message: string;
  /** Whether a handler started. The stand-in of the handler or the trail shows the start. */
  readonly hasRun: boolean;
}

export interface RehearsalChoice {
  readonly isReal: boolean;
  readonly opensResources: boolean;
  /** Whether the surfaces in the copy keep their own authenticators. */
  readonly hasOwnDoors?: boolean;
  /** The folder of the project. */
  readonly root: string;
  readonly usableForMs?: number;
}

interface Parts {
  readonly starts: { count: number };
  readonly refused: { count: number };
  readonly missed: Set<string>;
  readonly policies: PolicyReads;
  readonly interlude: Interlude;
  readonly isReal: boolean;
}

export class Rehearsed implements AsyncDisposable {
  readonly tokens: Tokens;
  readonly #app: TestApp;
  readonly #folder: string;
  readonly #starts: { count: number };
  /**
   * The number of refusals by policy functions and by the gate suite's own plugin. The number does not include refusals by a
   * resource, because the log of Quater names no policy for a refusal by a resource.
   */
  readonly #refused: { count: number };
  readonly #missed: Set<string>;
  readonly #isRecorded: boolean;
  /** The records of the inputs and resources that policy functions read. */
  readonly policies: PolicyReads;
  /** The calls that a policy function or a plugin refused. */
  readonly refusals: Refusal[] = [];
  readonly #interlude: Interlude;
  /** Whether a call counts as a run if the trail records its start, but no stand-in reported the start. */
  #isTrailBelieved = true;
  /** Whether the gate suite runs the handlers and previews of the manifest itself. */
  readonly isReal: boolean;

  private constructor(app: TestApp, folder: string, tokens: Tokens, parts: Parts) {
    const { starts, refused, missed, policies, interlude, isReal } = parts;
    this.#app = app;
    this.#interlude = interlude;
    this.policies = policies;
    this.isReal = isReal;
    this.#folder = folder;
    this.tokens = tokens;
    this.#starts = starts;
    this.#refused = refused;
    this.#missed = missed;
    this.#isRecorded = kernelOf(app).plugins.some(({ name }) => name === "audit");
  }

  /** @throws {BootError} when the manifest that the user of the gate suite tests does not boot. */
  static async boot(manifest: Manifest, choice: RehearsalChoice): Promise<Rehearsed> {
    const { isReal, opensResources, hasOwnDoors = false, root, usableForMs } = choice;
    const folder = await mkdtemp(join(tmpdir(), "quater-gate-"));
    const starts = { count: 0 };
    const missed = new Set<string>();
    const refused = { count: 0 };
    const policies = new PolicyReads(() => void refused.count++);
    const interlude = new Interlude();
    const tokens = new Tokens();
    const copy = copyOf(manifest, {
      folder,
      isReal,
      opensResources,
      ...(usableForMs === undefined ? {} : { usableForMs }),
      doorOf: hasOwnDoors ? undefined : tokens.doorOf,
      started: () => void starts.count++,
      starts: () => starts.count,
      missed: (resource) => void missed.add(resource),
      refused: () => void refused.count++,
      policies,
      interlude,
    });
    try {
      // Real handlers and authenticators of the project need the folder of the project. With replaced handlers and
      // authenticators, the gate suite boots the app in a temporary folder.
      const app = await bootTest(copy, { root: isReal || hasOwnDoors ? root : folder });
      return new Rehearsed(app, folder, tokens, { starts, refused, missed, policies, interlude, isReal });
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get catalog(): Catalog {
    return this.#app.catalog;
  }

  get surfaces(): readonly string[] {
    return kernelOf(this.#app).plugins.flatMap(({ surface }) => surface?.name ?? []);
  }

  hasProbe(surface: string): boolean {
    return kernelOf(this.#app).probes.has(surface);
  }

  hasDoor(surface: string): boolean {
    return this.#surface(surface)?.authenticate !== undefined;
  }

  /**
   * Returns the ways in which callers reach the handler over this surface: `undefined` for the first way, and the names of the
   * other ways.
   */
  waysTo(operation: Operation, surface: string): readonly (string | undefined)[] {
    const [, ...others] = (operation.surfaces.has(surface) && this.#surface(surface)?.ways?.(operation)) || [];
    return [undefined, ...others];
  }

  opensToPublic(surface: string): boolean {
    return this.#surface(surface)?.opensToPublic === true;
  }

  /** @throws {Error} when the manifest does not configure approval(). */
  get approvals(): Approvals {
    return this.#app.services.get(approvalsRef);
  }

  /**
   * @returns `undefined` when callers of the surface cannot send the input of `call`.
   * @throws {Untried} when a policy read a stand-in of a resource, because the verdict of the policy then means nothing.
   */
  async call(surface: string, call: ProbeCall): Promise<Seen | undefined> {
    const probe = kernelOf(this.#app).probes.get(surface);
    if (probe === undefined) return undefined;
    const [starts, refused] = [this.#starts.count, this.#refused.count];
    const [recorded, logged] = [await this.#recorded(), this.#app.log.length];
    this.#missed.clear();
    try {
      const answer = await probe(call);
      const isRecorded = this.#isTrailBelieved && (await this.#recorded()) > recorded;
      const hasRun = this.#starts.count > starts || isRecorded;
      if (hasRun) return { got: "ran", message: "", hasRun };
      if (this.#missed.size > 0) throw new Untried(unjudged([...this.#missed]));
      if (answer.ok) return { got: "an answer, but the handler did not run", message: JSON.stringify(answer.value), hasRun };
      const lines = this.#app.log.slice(logged);
      const reason = answer.code === "internal" ? reasonIn(lines, call.handler) : undefined;
      const by = refuserIn(lines);
      if (answer.code === "forbidden" && (by !== undefined || this.#refused.count > refused))
        this.refusals.push({ handler: call.handler, surface, message: answer.message, by });
      return { got: answer.code, message: reason ?? answer.message, hasRun };
    } catch (error) {
      if (isCannotSend(error)) return undefined;
      throw error;
    }
  }

  /**
   * Makes one call, and runs `act` during the call, after the policy has allowed the call. After `act`, the call waits until the
   * gate must check the credential of the call again. The gate makes this second check of the credential last. If this second
   * check refuses the call, the trail records the call as started and as refused.
   */
  async callDuring<Answer>(act: () => Awaitable<void>, send: () => Promise<Answer>): Promise<Answer> {
    this.#isTrailBelieved = false;
    try {
      return await this.#interlude.during(act, send);
    } finally {
      this.#isTrailBelieved = true;
    }
  }

  /** Returns the number of handlers that start while `act` runs. */
  async startsOf(act: () => Promise<unknown>): Promise<number> {
    const before = this.#starts.count;
    await act();
    return this.#starts.count - before;
  }

  #surface(name: string) {
    return kernelOf(this.#app).plugins.find(({ surface }) => surface?.name === name)?.surface;
  }

  /**
   * Sets the state of an approval request to approved in the store. An attacker with access to the store, but without the keys of
   * the trail, can make the same change.
   */
  async forgeApproval(id: string): Promise<void> {
    const store = await this.#app.services.get(storeRef).open();
    const until = (await store.now()) + 60_000;
    const { sql, parameters } = store
      .queries<{ approval_request: { id: string; state: string; usable_until: number } }>()
      .updateTable("approval_request")
      .set({ state: "approved", usable_until: until })
      .where("id", "=", id)
      .compile();
    await store.apply([{ sql, parameters, expects: 1 }]);
  }

  /** Returns the number of calls whose start the trail records. */
  async #recorded(): Promise<number> {
    if (!this.#isRecorded) return 0;
    const store = await this.#app.services.get(storeRef).open();
    const sql = "select count(*) as n from audit_event where type = 'call.started'";
    const [row] = await store.read<{ readonly n: number }>({ sql, parameters: [] });
    return Number(row?.n ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Returns the name of the policy that refused a call, from the last log line that names a policy. */
const refuserIn = (lines: TestApp["log"]): string | undefined => {
  const named = lines.findLast(({ fields }) => typeof fields["policy"] === "string" && fields["policy"] !== "");
  return named?.fields["policy"] as string | undefined;
};

const unjudged = (resources: readonly string[]): string =>
  `the policy reads ${resources.join(" and ")}, but the suite opens no resources. To open the resources of the project, use --real-resources, or resources: "real" in a test. The suite then opens resources, but still runs no handler`;
