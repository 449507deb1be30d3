// All queries of the tables of approvals. A failed read throws an error, so callers of these functions cannot confuse a failed
// read with an empty result.

import { isQuaterError } from "../../../core/index.ts";
import type { OpenStore, Query, Store } from "../../store/service.ts";
import { approvalUnavailable } from "../errors.ts";
import type { ApprovalRecord } from "../record.ts";
import { isId } from "../record.ts";
import { foundOf } from "./found.ts";
import { likeForm } from "./likeness.ts";
import { isSelectable, listed, type RowsGiven } from "./listing.ts";
import type { Secrecy } from "./secrecy.ts";
import { database, isRequest, type ReadRow, type StoredRequest, stateNow, type VoteRow } from "./tables.ts";

const hourMs = 3_600_000;
const dayMs = 86_400_000;
const mostListed = 200;
const mostEarlier = 20;
/**
 * The most approval requests under older input schemas that Quater compares with a call. docs/guides/approvals.md contains this
 * number.
 */
export const mostCompared = 500;

/**
 * The largest number that Quater gives to an approval request of a call. No caller repeats a call so often, so a larger number in
 * a row comes from another program.
 */
export const mostFiled = 2 ** 52;

export interface UsedGiven {
  readonly handler: string;
  /** The id of the current approval request, which the query does not return. */
  readonly except: string | undefined;
  /** The query returns only approval requests that were used before this time, milliseconds since the epoch. */
  readonly before: number | undefined;
}

export class RequestReader {
  readonly #store: Store;
  readonly #secrecy: Secrecy;

  constructor(store: Store, secrecy: Secrecy) {
    this.#store = store;
    this.#secrecy = secrecy;
  }

  async byId(id: string): Promise<StoredRequest | undefined> {
    if (!isId(id)) return undefined;
    return (await this.#read((open) => requests(open).where("id", "=", id)))[0];
  }

  /**
   * Returns the newest approval request for a call. The query also reads rows without a valid id, because these rows already use
   * their numbers.
   */
  async newest(callKeys: readonly string[]): Promise<StoredRequest | undefined> {
    const found = await this.#read((open) => {
      const isNumbered = open.dialect === "sqlite" ? open.sql<boolean>`typeof(nth) = 'integer'` : open.sql<boolean>`true`;
      const ofCall = rows(open).where("call_key", "in", callKeys).where(isNumbered).where("nth", "<=", mostFiled);
      return ofCall.orderBy("nth", "desc").orderBy("filed_at", "desc").limit(1);
    });
    return found[0];
  }

  /** Returns the row of a call with the state `pending`. The table allows only one pending row for each call. */
  async pendingOfCall(callKeys: readonly string[]): Promise<StoredRequest | undefined> {
    const found = await this.#read((open) =>
      rows(open).where("call_key", "in", callKeys).where("state", "=", "pending").limit(1),
    );
    return found[0];
  }

  /** Returns approval requests for a list, the newest first. */
  async list(given: RowsGiven): Promise<readonly StoredRequest[]> {
    return isSelectable(given) ? this.#read((open) => listed(open, given)) : [];
  }

  /** Returns approval requests for the same call within the day before `filedAt`, the newest first. */
  earlier(callKeys: readonly string[], filedAt: number, id: string): Promise<readonly StoredRequest[]> {
    return this.#read((open) =>
      requests(open)
        .where("call_key", "in", callKeys)
        .where("id", "<>", id)
        .where("filed_at", "<=", filedAt)
        .where("filed_at", ">", filedAt - dayMs)
        .orderBy("filed_at", "desc")
        .orderBy("nth", "desc")
        .limit(mostEarlier),
    );
  }

  /** Returns used approval requests that look the same as the call, the newest first. */
  async usedLike(likeKeys: readonly string[], asked: UsedGiven): Promise<readonly ApprovalRecord[]> {
    return this.#records((open) => used(open, asked).where("like_key", "in", likeKeys).limit(mostEarlier));
  }

  /**
   * Returns used approval requests of a person that `usedLike` cannot find, because the approval requests had another input
   * schema or were erased. The newest approval request is first.
   */
  async usedUnderOtherSchemas(
    personKeys: readonly string[],
    schema: string,
    asked: UsedGiven,
  ): Promise<readonly ApprovalRecord[]> {
    return this.#records((open) =>
      used(open, asked)
        .where("person_key", "in", personKeys)
        .where(({ eb, or }) => or([eb("schema", "<>", schema), eb("like_key", "is", null), eb("like_key", "<", likeForm)]))
        .limit(mostCompared),
    );
  }

  /** Returns whether there are used approval requests whose person is unknown. */
  async hasUsedOfUnknown(personKeys: readonly string[], asked: UsedGiven): Promise<boolean> {
    // A keyed digest begins with the id of its key: `hmac:<key id>:`.
    const known = personKeys.map((key) => `${key.slice(0, key.lastIndexOf(":") + 1)}%`);
    const rows = await this.#rows((open) => {
      let query = used(open, asked).limit(1);
      for (const form of known)
        query = query.where(({ eb, or }) => or([eb("person_key", "is", null), eb("person_key", "not like", form)]));
      return query;
    });
    return rows.length > 0;
  }

  /** Reads records of approval requests without their votes. */
  async #records(queryOn: (open: OpenStore) => Query): Promise<readonly ApprovalRecord[]> {
    const found = await this.#rows<ReadRow>(queryOn);
    return found.map((row) => foundOf(row, [], (text) => this.#secrecy.opened(text)).record);
  }

  /** Returns the newest denial within the cooldown of a call that looks the same. */
  async deniedLike(likeKeys: readonly string[], cooldownMs: number): Promise<StoredRequest | undefined> {
    const found = await this.#read((open) =>
      deniedLike(open, likeKeys, cooldownMs)
        .selectAll()
        .select([stateNow(open).as("state_now"), open.clock.as("now")])
        .orderBy("decided_at", "desc")
        .limit(1),
    );
    return found[0];
  }

  /** Returns after how many milliseconds a person may file an approval request again; 0 means now. */
  async filingWaitMs(personKeys: readonly string[], maxFiledPerHour: number): Promise<number> {
    const [row] = await this.#rows<{ filed_at: number; now: number }>((open) =>
      filedSince(open, personKeys)
        .select(["filed_at", open.clock.as("now")])
        .orderBy("filed_at", "desc")
        .offset(maxFiledPerHour - 1)
        .limit(1),
    );
    return row === undefined ? 0 : Math.max(1, row.filed_at + hourMs - row.now);
  }

  /** Returns how many approval requests of a requester are pending. */
  async pendingOf(requesterKey: string): Promise<number> {
    const [row] = await this.#rows<{ n: number }>((open) => livePending(open, requesterKey));
    return row?.n ?? 0;
  }

  /** Reads all approval requests, page by page. */
  async *all(): AsyncGenerator<StoredRequest> {
    for (let last = ""; ; ) {
      const page = await this.#read((open) => requests(open).where("id", ">", last).orderBy("id").limit(mostListed));
      yield* page;
      const next = page.at(-1)?.record.id;
      if (next === undefined) return;
      last = next;
    }
  }

  /** Returns approval requests whose keys are missing, or were computed by an older rule. */
  withoutKeys(): Promise<readonly StoredRequest[]> {
    return this.#read((open) =>
      requests(open)
        .where(({ eb, or }) => or([eb("person_key", "is", null), eb("like_key", "<", likeForm)]))
        .limit(mostListed),
    );
  }

  /** Returns approval requests that have expired, but whose rows do not contain `expired` yet. */
  due(limit: number): Promise<readonly StoredRequest[]> {
    return this.#read((open) =>
      requests(open)
        .where("state", "in", ["pending", "approved"])
        .where(stateNow(open), "=", "expired")
        .orderBy("filed_at")
        .limit(limit),
    );
  }

  /**
   * Counts rows without a valid id. All other queries skip rows without a valid id. This method reads the whole table of approval
   * requests.
   */
  async countWithoutId(): Promise<number> {
    const [row] = await this.#rows<{ n: number }>((open) =>
      database(open)
        .selectFrom("approval_request")
        .select(({ fn }) => fn.countAll<number>().as("n"))
        .where(({ not }) => not(isRequest(open))),
    );
    return row?.n ?? 0;
  }

  async #read(queryOn: (open: OpenStore) => Query): Promise<readonly StoredRequest[]> {
    const found = await this.#rows<ReadRow>(queryOn);
    const ids = found.map(({ id }) => id).filter(isId);
    const votesOn = (open: OpenStore) => database(open).selectFrom("approval_vote").selectAll().where("id", "in", ids);
    const votes = ids.length === 0 ? [] : await this.#rows<VoteRow>((open) => votesOn(open).orderBy("at").orderBy("person"));
    return found.map((row) => foundOf(row, votes, (text) => this.#secrecy.opened(text)));
  }

  async #rows<Row>(queryOn: (open: OpenStore) => Query): Promise<readonly Row[]> {
    try {
      const open = await this.#store.open();
      return await open.read<Row>(queryOn(open));
    } catch (error) {
      throw isQuaterError(error) ? error : approvalUnavailable(error);
    }
  }
}

const rows = (open: OpenStore) =>
  database(open)
    .selectFrom("approval_request")
    .selectAll()
    .select([stateNow(open).as("state_now"), open.clock.as("now")]);

const requests = (open: OpenStore) => rows(open).where(isRequest(open));

const used = (open: OpenStore, { handler, except, before }: UsedGiven) => {
  let query = requests(open).where("handler", "=", handler).where("state", "=", "consumed").orderBy("used_at", "desc");
  if (except !== undefined) query = query.where("id", "<>", except);
  if (before !== undefined) query = query.where("used_at", "<", before);
  return query;
};

/** Selects the approval requests that a person filed within the last hour, in all states. */
const filedSince = (open: OpenStore, personKeys: readonly string[]) =>
  database(open)
    .selectFrom("approval_request")
    .where("person_key", "in", personKeys)
    .where("filed_at", ">", open.sql<number>`${open.clock} - ${hourMs}`);

export const filedWithinHour = (open: OpenStore, personKeys: readonly string[]) =>
  filedSince(open, personKeys).select(({ fn }) => fn.countAll<number>().as("n"));

export const deniedLike = (open: OpenStore, likeKeys: readonly string[], cooldownMs: number) =>
  database(open)
    .selectFrom("approval_request")
    .where(isRequest(open))
    .where("like_key", "in", likeKeys)
    .where("state", "=", "denied")
    .where("decided_at", ">", open.sql<number>`${open.clock} - ${cooldownMs}`);

export const livePendingOf = (open: OpenStore, callKeys: readonly string[]) =>
  database(open)
    .selectFrom("approval_request")
    .where("call_key", "in", callKeys)
    .where("state", "=", "pending")
    .where("pending_until", ">", open.clock);

export const livePending = (open: OpenStore, requesterKey: string) =>
  database(open)
    .selectFrom("approval_request")
    .select(({ fn }) => fn.countAll<number>().as("n"))
    .where("requester_key", "=", requesterKey)
    .where("state", "=", "pending")
    .where("pending_until", ">", open.clock);
