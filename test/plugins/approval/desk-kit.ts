// A small project whose handler `pay` needs approval, on SQLite or PostgreSQL. Functions of the project make calls, vote on
// approval requests, and read approval requests and the trail.

import type { Handler } from "quater";
import { approvalsRef } from "quater/approval";
import { Cancellation, type ConfiguredPlugin, type OptionsOf, type Outcome, type RunMode } from "quater/plugin-api";
import { approval, audit, store } from "quater/plugins";
import { storeRef } from "quater/store";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import type { ApprovalRecord, Approvals } from "../../../plugins/approval/index.ts";
import type { OwnStatus } from "../../../plugins/approval/service.ts";
import type { EventMeta, EventRow } from "../../../plugins/audit/log/event.ts";
import { finance, other, type Principal, pay, people } from "./pay-kit.ts";

export interface DeskBoot {
  readonly root: string;
  /** The URL of PostgreSQL. Without a URL, the project uses SQLite. */
  readonly url?: string | undefined;
  readonly approval?: Partial<OptionsOf<typeof approval>>;
  readonly audit?: OptionsOf<typeof audit>;
  readonly store?: OptionsOf<typeof store>;
  /** The handlers of the project. Default: `pay`, which needs approval by finance on both surfaces. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  readonly expose?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly plugins?: readonly ConfiguredPlugin[];
  /** The run mode of the project. Default: `test`, in which the project runs until the test stops it. */
  readonly mode?: RunMode;
}

export interface CallGiven {
  readonly handler?: string;
  readonly id?: string | undefined;
  readonly surface?: string;
  readonly dryRun?: boolean;
  readonly cancellation?: Cancellation;
}

export interface Desk extends AsyncDisposable {
  readonly app: TestApp;
  readonly approvals: Approvals;
  call(who: Principal, input?: object, given?: CallGiven): Promise<Outcome>;
  /** Makes a call and expects the error `approval_required`. @returns The id of the approval request. */
  file(who: Principal, input?: object, given?: CallGiven): Promise<string>;
  vote(who: Principal, id: string, verdict?: "approve" | "deny", reason?: string): Promise<ApprovalRecord>;
  /** Files an approval request, and approves it as `bea`. @returns The id of the approval request. */
  approved(who: Principal, input?: object, given?: CallGiven): Promise<string>;
  status(who: Principal, id: string, surface?: string): Promise<OwnStatus>;
  /** Returns an approval request from the store, with the state by the store's clock. */
  record(id: string): Promise<ApprovalRecord>;
  /** Returns all events on the trail about one approval request, in order, including refused decisions. */
  events(id: string): Promise<readonly EventMeta[]>;
  /** Runs one SQL statement on the store. Quater does not know about this statement. */
  sql(text: string, ...parameters: readonly unknown[]): Promise<readonly unknown[]>;
  /**
   * Lets an approval request expire. The test cannot change the store's clock, so this function changes the times of the approval
   * request.
   */
  elapse(id: string): Promise<void>;
}

export const bootDesk = async (boot: DeskBoot): Promise<Desk> => {
  const { root, url, handlers = { pay } } = boot;
  const exposure = { direct: true, other: true, approval: "finance" };
  const app = await bootTest({
    root,
    ...(boot.mode === undefined ? {} : { mode: boot.mode }),
    handlers,
    expose: boot.expose ?? Object.fromEntries(Object.keys(handlers).map((name) => [name, exposure])),
    plugins: [
      other(),
      ...(boot.plugins ?? []),
      store({ ...(url === undefined ? {} : { url }), mayLoseCommits: true, ...boot.store }),
      audit(boot.audit),
      approval({ authenticate: tokens(people), policies: finance, maxFiledPerHour: 100_000, ...boot.approval }),
    ],
  });
  const approvals = app.services.get(approvalsRef);
  const opened = () => app.services.get(storeRef).open();
  const numbered = (text: string) => {
    let n = 0;
    return url === undefined ? text : text.replaceAll("?", () => `$${++n}`);
  };
  const sql: Desk["sql"] = async (text, ...parameters) =>
    (await (await opened()).apply([{ sql: numbered(text), parameters }]))[0]?.rows ?? [];
  const call: Desk["call"] = (
    who,
    input = { cents: 5 },
    { handler = "pay", id, surface = "direct", dryRun = false, cancellation } = {},
  ) =>
    kernelOf(app).invoke({
      handler,
      surface,
      principal: who,
      given: [{ from: "arguments", isText: false, values: structuredClone(input) }],
      dryRun,
      cancellation: cancellation ?? new Cancellation(),
      ...(id === undefined ? {} : { approvalId: id }),
    });
  const file: Desk["file"] = async (who, input, given) => {
    const outcome = await call(who, input, given);
    if (outcome.ok || outcome.error.code !== "approval_required") throw new Error(`It was not filed: ${said(outcome)}`);
    return idIn(outcome);
  };
  // Only people with the role finance may see approval requests. The tests read approval requests as a person who never votes.
  const looker = principal({ subject: "looker", roles: ["finance", "audit"] });
  const record: Desk["record"] = (id) => approvals.show(looker, id);
  const vote: Desk["vote"] = async (who, id, verdict = "approve", reason) =>
    approvals.vote(
      { principal: who, via: "api" },
      { id, verdict, digest: (await record(id)).digest, ...(reason === undefined ? {} : { reason }) },
    );
  return {
    app,
    approvals,
    call,
    file,
    vote,
    approved: async (who, input, given) => {
      const id = await file(who, input, given);
      await vote(people.bea, id);
      return id;
    },
    status: (who, id, surface = "direct") => approvals.statusOf(who, surface, id),
    record,
    events: async (id) => {
      const rows = (await sql("select meta from audit_event order by seq")) as Pick<EventRow, "meta">[];
      return rows.map(({ meta }) => JSON.parse(meta) as EventMeta).filter(({ approvalId }) => approvalId === id);
    },
    sql,
    elapse: async (id) => {
      await sql(
        "update approval_request set pending_until = 1, usable_until = case when usable_until is null then null else 1 end where id = ?",
        id,
      );
    },
    [Symbol.asyncDispose]: () => app.stop(),
  };
};

/** Returns the error code of an outcome, or `ok`. */
export const codeOf = (outcome: Outcome): string => (outcome.ok ? "ok" : outcome.error.code);

export const idIn = (outcome: Outcome): string =>
  (Object(outcome.ok ? undefined : outcome.error.details?.["approval"]) as { readonly id: string }).id;

const said = (outcome: Outcome): string =>
  outcome.ok ? "it ran" : `${outcome.error.code}: ${outcome.error.message} ${String(outcome.error.cause ?? "")}`;
