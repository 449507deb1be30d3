// Checks the credential of a caller again after Quater accepted the credential. Bodies arrive slowly, calls wait for locks and
// people, and streams last for hours. When an operator revokes a key during such a wait, calls with the key must not run and
// streams must end. Calls that never wait do not read the clock.

import { authenticatorFailed, invalidToken } from "../diagnostics/errors.ts";
import type { Arriving } from "./arriving.ts";
import { type Awaitable, andThen, type Principal } from "./principal.ts";

/**
 * The highest age of a check of a credential, milliseconds. A revoked key must stop working within a second. An authenticator may
 * use the content of a key file that the authenticator read half a second ago. Together with the quarter of a second in
 * `freshMs`, a revoked key works for at most three quarters of a second.
 */
const freshMs = 250;

/**
 * Whether a check of a credential at this time is recent enough. @param checkedAt  The time of the check by `performance.now()`.
 */
export const isFresh = (checkedAt: number): boolean => performance.now() - checkedAt < freshMs;

export class Standing {
  readonly #enter: (entry: Arriving) => Awaitable<Principal>;
  readonly #entry: Arriving;
  /**
   * The time of the last check of the credential by `performance.now()`. With the system clock, an old check would look new after
   * the clock was set back.
   */
  #checkedAt: number | undefined;
  readonly #mayWaitUnseen: boolean;
  #hasWaited: boolean;

  /**
   * @param enter  Calls the authenticator again, and throws or rejects when the authenticator refuses the credential. All calls
   * share one `enter` function, because a closure for each call takes a tenth of a microsecond.
   * @param checkedAt  When Quater authenticated the caller, by `performance.now()`. If `checkedAt` is absent, other code must
   * call `waits` before the call waits.
   */
  constructor(enter: (entry: Arriving) => Awaitable<Principal>, entry: Arriving, checkedAt: number | undefined) {
    this.#enter = enter;
    this.#entry = entry;
    this.#checkedAt = checkedAt;
    this.#hasWaited = this.#mayWaitUnseen = checkedAt !== undefined;
  }

  waits(): void {
    this.#hasWaited = true;
    this.#checkedAt ??= performance.now();
  }

  /**
   * @param ageMs  The highest age of the last check, milliseconds.
   * @returns The same caller with the caller's current rights; `undefined` when the last check is recent enough.
   * @throws {QuaterError} when the authenticator no longer accepts the credential, or when the credential now belongs to another
   * caller.
   */
  again(before: Principal, ageMs = freshMs): Awaitable<Principal> | undefined {
    if (!this.#hasWaited) return undefined;
    this.#hasWaited = this.#mayWaitUnseen;
    const now = performance.now();
    if (this.#checkedAt !== undefined && now - this.#checkedAt < ageMs) return undefined;
    this.#checkedAt = now;
    return andThen(this.#enter(this.#entry), (found) => {
      if (!isSame(before, found)) throw invalidToken();
      return found;
    });
  }
}

/**
 * How often Quater checks the credential behind a stream. The check between two items of the stream also counts, so `ageMs` is
 * below `everyMs`. A stream continues for at most 1.75 seconds after the last check of the credential.
 */
const streamCheck = { everyMs: 1_000, ageMs: 750 } as const;

/**
 * How long an authenticator may take to check a stream's credential, milliseconds. The authenticator may have to fetch the keys
 * of a token issuer.
 */
const answerMs = 5_000;

/**
 * Waits for a check of a stream's credential, for 5 seconds at most. The stream sends no item during this wait.
 *
 * @throws {QuaterError} The error of the check; `authenticator_failed` when the check does not finish within 5 seconds.
 */
export const answeredInTime = (checking: Promise<void>, surface: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const cause = new Error(`The authenticator did not answer within ${answerMs / 1_000} seconds`);
    const timer = setTimeout(() => reject(authenticatorFailed(surface, cause)), answerMs);
    timer.unref();
    checking.finally(() => clearTimeout(timer)).then(resolve, reject);
  });

/** Checks the credential behind a stream between the items of the stream, and also while no item arrives. */
export class Watch {
  readonly #enterAgain: (ageMs: number) => Promise<void> | undefined;
  readonly #refused: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  /**
   * @param enterAgain  Checks the credential behind the stream when the last check is older than `ageMs`.
   * @param refused  `Watch` calls this function with the error of a check, so that the stream ends even while no item arrives.
   */
  constructor(enterAgain: (ageMs: number) => Promise<void> | undefined, refused: (error: unknown) => void) {
    this.#enterAgain = enterAgain;
    this.#refused = refused;
    this.#timer = setInterval(() => void this.check()?.catch(() => undefined), streamCheck.everyMs);
    this.#timer.unref();
  }

  /**
   * @returns `undefined` when the last check of the credential is recent, otherwise the running check. The promise rejects when
   * the authenticator refuses the caller.
   */
  check(): Promise<void> | undefined {
    this.#running ??= this.#enterAgain(streamCheck.ageMs)
      ?.catch((error: unknown) => {
        this.#refused(error);
        throw error;
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const isSame = (one: Principal, other: Principal): boolean =>
  one.issuer === other.issuer && one.subject === other.subject && one.credential === other.credential;

/** Whether both principals have the same rights. The order of scopes, roles and the keys of claims does not matter. */
export const haveSameRights = (one: Principal, other: Principal): boolean =>
  one === other || rightsOf(one) === rightsOf(other) || sortedRightsOf(one) === sortedRightsOf(other);

const rightsOf = ({ kind, person, actsFor, scopes, roles, claims }: Principal): string =>
  JSON.stringify([kind, person, actsFor, scopes, roles, claims]);

/**
 * Sorts the rights of a principal for the comparison, because an authenticator may read rights from a set or a table, which has
 * no order.
 */
const sortedRightsOf = ({ kind, person, actsFor, scopes, roles, claims }: Principal): string => {
  const sets = [scopes, roles].map((names) => [...new Set(names)].sort());
  return JSON.stringify([kind, person, actsFor, ...sets, claims], withSortedKeys);
};

const withSortedKeys = (_key: string, value: unknown): unknown =>
  value === null || typeof value !== "object" || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
