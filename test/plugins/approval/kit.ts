// A small project whose `pay` needs people's agreement, on SQLite or PostgreSQL, with what it did, what its trail says, and
// ways to ask, to vote and to look.

import { authenticated, type Handler, handler, Type } from "quater";

import { Cancellation, type ConfiguredPlugin, definePlugin, exposureKey, type Outcome, type RunMode } from "quater/plugin-api";
import { type AuditOptions, approval, approvalsRef, audit, auditRef, type StoreOptions, store, storeRef } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { ApprovalOptions, ApprovalRecord, Approvals } from "../../../plugins/approval/index.ts";
import { Ground } from "../../../plugins/approval/requests/ground.ts";
import { Reader } from "../../../plugins/approval/requests/reading.ts";
import { Secrecy } from "../../../plugins/approval/requests/secrecy.ts";
import type { OwnStatus } from "../../../plugins/approval/service.ts";
import type { EventMeta, EventRow } from "../../../plugins/audit/log/event.ts";
import { tempFolder } from "../audit/kit.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";

type Principal = Parameters<TestApp["as"]>[0];

/** `robot` is an agent that acts for `ana`; `bea`, `cleo` and `ana` are of finance; `dan` is nobody special. */
export const people = {
  robot: Object.freeze({ ...withoutPerson(principal({ subject: "robot", kind: "agent" })), actsFor: "ana" }),
  ana: principal({ subject: "ana", roles: ["finance"] }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
  cleo: principal({ subject: "cleo", roles: ["finance", "audit"] }),
  dan: principal({ subject: "dan" }),
} as const satisfies Record<string, Principal>;

function withoutPerson({ person: _, ...rest }: Principal): Principal {
  return rest;
}

/** A second surface without a transport. */
const other = definePlugin(() => ({
  name: "other",
  exposure: [exposureKey("other", Type.Boolean())],
  surface: { name: "other", exposes: "Other handlers", authenticate: tokens({}) },
}));

export interface DeskBoot {
  readonly root: string;
  /** Of PostgreSQL; absent: SQLite. */
  readonly url?: string | undefined;
  readonly approval?: Partial<ApprovalOptions>;
  readonly audit?: AuditOptions;
  readonly store?: StoreOptions;
  /** Default: `pay`, which needs finance on both surfaces. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  readonly expose?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly plugins?: readonly ConfiguredPlugin[];
  /** Default: `test`, which stays. */
  readonly command?: RunMode;
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
  /** Calls, expects `approval_required`. @returns The request's id. */
  file(who: Principal, input?: object, given?: CallGiven): Promise<string>;
  vote(who: Principal, id: string, verdict?: "approve" | "deny", reason?: string): Promise<ApprovalRecord>;
  /** Files and lets `bea` agree. */
  approved(who: Principal, input?: object, given?: CallGiven): Promise<string>;
  status(who: Principal, id: string, surface?: string): Promise<OwnStatus>;
  /** As it is stored, expiry derived. */
  record(id: string): Promise<ApprovalRecord>;
  /** What the trail says of one request, in order; refused decisions too. */
  events(id: string): Promise<readonly EventMeta[]>;
  /** Runs one statement on the store, behind Quater's back. */
  sql(text: string, ...parameters: readonly unknown[]): Promise<readonly unknown[]>;
  /** Lets the time of a request run out: the store's clock is as it is, so the request is made older. */
  elapse(id: string): Promise<void>;
}

/** What `pay` was called with. */
export const paid: { cents: number; to?: string }[] = [];

export const pay = handler({
  description: "Pay somebody.",
  effect: "write",
  input: Type.Object({ cents: Type.Integer(), to: Type.Optional(Type.String()) }),
  auth: authenticated,
  handle: (input) => {
    paid.push(input);
    return { paid: input.cents };
  },
});

export const finance = { finance: { approvers: [{ role: "finance" }] } } as const;

export const bootDesk = async (boot: DeskBoot): Promise<Desk> => {
  const { root, url, handlers = { pay } } = boot;
  const exposure = { direct: true, other: true, approval: "finance" };
  const app = await bootTest({
    root,
    ...(boot.command === undefined ? {} : { command: boot.command }),
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
  const approvals = app.kernel.services.get(approvalsRef);
  const opened = () => app.kernel.services.get(storeRef).open();
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
    app.kernel.invoke({
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
  // Everybody of finance may look, and nobody else: the tests look as one who never votes.
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

/** What the plugin's parts stand on, over the desk's own store and trail: for what runs by itself from time to time. */
export const groundOf = ({ app }: Desk): Ground => {
  const { services, project } = app.kernel;
  const opened = services.get(storeRef);
  const secrecy = new Secrecy((label) => services.get(auditRef).secretsFor(label));
  return new Ground({
    app: project.name,
    store: opened,
    audit: services.get(auditRef),
    reader: new Reader(opened, secrecy),
    secrecy,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    tell: () => undefined,
    urlOf: () => undefined,
    maxPending: 20,
    maxFiledPerHour: 60,
    cooldownMs: 600_000,
  });
};

/** The code of a refusal, or `ok`. */
export const codeOf = (outcome: Outcome): string => (outcome.ok ? "ok" : outcome.error.code);

export const idIn = (outcome: Outcome): string =>
  (Object(outcome.ok ? undefined : outcome.error.details?.["approval"]) as { readonly id: string }).id;

const said = (outcome: Outcome): string =>
  outcome.ok ? "it ran" : `${outcome.error.code}: ${outcome.error.message} ${String(outcome.error.cause ?? "")}`;

export interface OnDialect {
  readonly dialect: "sqlite" | "postgres";
  /** Boots on a fresh store. */
  readonly boot: (boot?: Omit<DeskBoot, "root" | "url">) => Promise<Desk>;
  /** Another instance on the same store. */
  readonly again: (boot?: Omit<DeskBoot, "root" | "url">) => Promise<Desk>;
  readonly root: string;
  readonly url: string | undefined;
  /** Of PostgreSQL, where it was started here and may be stopped. */
  readonly server: TestPostgres["server"];
}

/** The same claims on both databases; where there is no PostgreSQL the reason is printed. */
export const onBothDialects = (
  claims: (claim: (title: string, prove: (on: OnDialect) => Promise<void>) => void, dialect: OnDialect["dialect"]) => void,
): void => {
  let postgres: TestPostgres | string = "not started";
  beforeAll(async () => {
    postgres = await testPostgres();
  });
  afterAll(async () => {
    if (typeof postgres !== "string") await postgres.close();
  });
  describe.each(["sqlite", "postgres"] as const)("on %s", (dialect) => {
    const claim = (title: string, prove: (on: OnDialect) => Promise<void>) =>
      test(title, async (context) => {
        if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
        using folder = tempFolder();
        const url = dialect === "postgres" ? await (postgres as TestPostgres).freshUrl() : undefined;
        const desks: Desk[] = [];
        const boot: OnDialect["boot"] = async (given) => {
          const desk = await bootDesk({ ...given, root: folder.root, url });
          desks.push(desk);
          return desk;
        };
        paid.length = 0;
        try {
          const server = url === undefined || typeof postgres === "string" ? undefined : postgres.server;
          await prove({ dialect, boot, again: boot, root: folder.root, url, server });
        } finally {
          for (const desk of desks) await desk.app.stop();
        }
      });
    claims(claim, dialect);
  });
};
