// The tables of approval requests and votes, which are the same on both databases. Each read computes the expiry by the store's
// clock, so the row of an expired approval request may still contain `pending`.

import type { Kysely } from "kysely";
import type { Migration, OpenStore } from "../../store/service.ts";
import { type ApprovalOutcome, type ApprovalRecord, type ApprovalState, idForm, type Vote } from "../record.ts";

export interface RequestRow {
  readonly id: string;
  readonly call_key: string;
  /**
   * The number of the approval request among the approval requests for the same call, from 1. If two processes file an approval
   * request for the same call at the same time, the second process cannot insert a row with the same number.
   */
  readonly nth: number;
  readonly digest: string;
  readonly app: string;
  readonly handler: string;
  readonly schema: string;
  readonly args: string;
  /** The requester of the approval request as RFC 8785 text. */
  readonly requester: string;
  /** A digest of issuer and subject of the requester, by which Quater counts pending approval requests. */
  readonly requester_key: string;
  /**
   * A keyed digest of the requester's person, the same on all surfaces. The keyed digest is `null` in rows of older versions of
   * Quater until Quater fills in the digest, and `unknown` if Quater cannot fill in the digest.
   */
  readonly person_key: string | null;
  /** A keyed digest of person, handler and folded arguments (likeness.ts); `null` if the key is unknown or was erased. */
  readonly like_key: string | null;
  readonly surface: string;
  readonly policy_name: string;
  /** The approval policy as RFC 8785 text. */
  readonly policy: string;
  readonly preview: string | null;
  readonly nonce: string;
  readonly call_id: string;
  readonly filed_at: number;
  readonly pending_until: number;
  readonly state: ApprovalState;
  /**
   * A number that grows with every change of the row. Quater repeats a decision that was based on an older value of this number.
   */
  readonly version: number;
  readonly decided_at: number | null;
  readonly usable_until: number | null;
  readonly reason: string | null;
  readonly used_call: string | null;
  readonly used_at: number | null;
  readonly outcome: ApprovalOutcome | null;
  readonly ended_at: number | null;
  /**
   * The format of the trail at the time of the filing. Format 1 has no events that prove an approval request, so Quater voids
   * open approval requests of format 1.
   */
  readonly format: number;
}

/** The `person_key` of an approval request whose person is unknown. */
export const unknownPerson = "unknown";

export interface VoteRow {
  readonly id: string;
  readonly person: string;
  readonly issuer: string;
  readonly subject: string;
  readonly credential: string;
  /** The roles of the voter as JSON. */
  readonly roles: string;
  readonly verdict: Vote["verdict"];
  readonly reason: string | null;
  readonly via: string;
  readonly at: number;
}

export interface Tables {
  approval_request: RequestRow;
  approval_vote: VoteRow;
}

export type Database = Kysely<Tables>;

export const database = (open: OpenStore): Database => open.queries();

export const migrations: readonly Migration[] = [
  {
    version: 1,
    tables: ["approval_request", "approval_vote"],
    up: (build) => {
      const texts = ["call_key", "digest", "app", "handler", "schema", "args", "requester", "requester_key", "surface"] as const;
      const required = [...texts, "policy_name", "policy", "nonce", "call_id", "state"] as const;
      let request = build.schema
        .createTable("approval_request")
        .addColumn("id", "text", (column) => column.notNull().primaryKey());
      for (const name of required) request = request.addColumn(name, "text", (column) => column.notNull());
      for (const name of ["nth", "filed_at", "pending_until", "version"] as const)
        request = request.addColumn(name, "bigint", (column) => column.notNull());
      for (const name of ["preview", "reason", "used_call", "outcome"] as const) request = request.addColumn(name, "text");
      for (const name of ["decided_at", "usable_until", "used_at", "ended_at"] as const)
        request = request.addColumn(name, "bigint");
      let vote = build.schema.createTable("approval_vote").addColumn("at", "bigint", (column) => column.notNull());
      for (const name of ["id", "person", "issuer", "subject", "credential", "roles", "verdict", "via"] as const)
        vote = vote.addColumn(name, "text", (column) => column.notNull());
      const index = (name: string) => build.schema.createIndex(`approval_request_${name}`).on("approval_request");
      return [
        request,
        // The primary key allows only one vote per person and approval request, even if a person votes in two browsers at the
        // same time.
        vote.addColumn("reason", "text").addPrimaryKeyConstraint("approval_vote_pk", ["id", "person"] as never),
        index("nth").unique().columns(["call_key", "nth"]),
        index("one_pending")
          .unique()
          .column("call_key")
          .where("state" as never, "=", "pending"),
        index("requester").columns(["requester_key", "state"]),
        index("state").columns(["state", "pending_until"]),
        index("filed").columns(["filed_at", "id"]),
      ];
    },
  },
  {
    version: 2,
    tables: [],
    up: ({ schema }) => [
      schema.alterTable("approval_request").addColumn("person_key", "text"),
      schema.alterTable("approval_request").addColumn("like_key", "text"),
      schema.createIndex("approval_request_person").on("approval_request").columns(["person_key", "filed_at"]),
      schema.createIndex("approval_request_like").on("approval_request").columns(["like_key", "filed_at"]),
      schema.createIndex("approval_request_handler").on("approval_request").columns(["handler", "state"]),
    ],
  },
  {
    version: 3,
    tables: [],
    up: (build) => [
      build.schema.alterTable("approval_request").addColumn("format", "bigint", (column) => column.notNull().defaultTo(1)),
    ],
  },
  {
    version: 4,
    tables: [],
    // The indexes for lists of approval requests: see listing.ts.
    up: ({ schema }) => [
      schema.dropIndex("approval_request_handler"),
      ...Object.entries({ by_state: ["state"], by_handler: ["handler"], by_handler_state: ["handler", "state"] }).map(
        ([name, columns]) =>
          schema
            .createIndex(`approval_request_${name}`)
            .on("approval_request")
            .columns([...columns, "filed_at", "id"]),
      ),
    ],
  },
];

/**
 * The text that replaces the nonce when an operator erases the personal data of an approval request. A nonce never has this
 * value.
 */
export const erasedMark = "erased";

/**
 * A row as a query returns it, with the state of the approval request by the store's clock, and the time of the store's clock.
 */
export type ReadRow = RequestRow & { readonly state_now: ApprovalState; readonly now: number };

export const stateNow = ({ sql, clock }: OpenStore) =>
  sql<ApprovalState>`case when state = 'pending' and pending_until <= ${clock} then 'expired'
    when state = 'approved' and usable_until <= ${clock} then 'expired' else state end`;

/** The form of an id of an approval request as a GLOB pattern of SQLite. GLOB patterns do not have `{20}`. */
const idGlob = idForm.replace(/(\[.*\])\{(\d+)\}/, (_, one: string, count: string) => one.repeat(Number(count)));

/**
 * Whether a row has a valid id. An invalid id may contain any bytes. A SQL statement cannot name a row with an invalid id, and a
 * list that continues after this row might begin with the same row again.
 */
export const isRequest = ({ dialect, sql }: OpenStore) =>
  dialect === "sqlite"
    ? sql<boolean>`(typeof(id) = 'text' and length(cast(id as blob)) = 24 and id glob ${sql.lit(idGlob)})`
    : sql<boolean>`(id ~ ${sql.lit(`^${idForm}$`)})`;

/** An approval request that Quater read from the store, with the values that Quater needs to change the approval request. */
export interface StoredRequest {
  readonly record: ApprovalRecord;
  readonly nth: number;
  readonly version: number;
  /**
   * The state in the row of the approval request. `record.state` may be `expired` although the row does not contain `expired`
   * yet.
   */
  readonly stored: ApprovalState;
  /** The time of the store's clock when Quater read the approval request. */
  readonly now: number;
}
