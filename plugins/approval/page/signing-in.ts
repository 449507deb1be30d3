// Signing in to the approvals page and signing out. Each sign-in starts a new session and ends the old session, so that an
// attacker cannot prepare a session for another person. Sign-in codes are short, so Quater counts attempts before Quater searches
// the store for a sign-in code. Quater does not count attempts with keys, because nobody can guess a key. Therefore an attacker
// who guesses sign-in codes cannot lock out people with keys.

import { invalid } from "../../../core/index.ts";
import { invalidToken } from "../../../core/plugin-api.ts";
import type { KoaContext } from "../../http/service.ts";
import { codeWrong, signInThrottled } from "../errors.ts";
import { idForm } from "../record.ts";
import { redeemCode } from "./codes.ts";
import { endSession } from "./ended.ts";
import { type Form, readForm } from "./form.ts";
import type { PageParts } from "./parts.ts";
import type { Session } from "./session.ts";
import { entered, type Visit } from "./visitor.ts";

/** The paths of pages to which Quater may redirect people after they sign in. */
const ownPage = new RegExp(`^/approvals(?:/${idForm}(?:\\?view=full)?|\\?before=${idForm})?$`);

export const nextOf = (given: string | undefined): string => (given !== undefined && ownPage.test(given) ? given : "/approvals");

/** The most bytes of a cookie that every browser accepts, including the attributes of the cookie (RFC 6265 6.1). */
const longestCookie = 4_096;

/**
 * Signs a person in.
 *
 * @param before  The session of the sign-in form.
 * @returns The new session.
 * @throws {QuaterError} `sign_in_throttled`, `sign_in_code_wrong`, `invalid_token`, `approver_not_eligible`.
 */
export const signIn = async (ctx: KoaContext, form: Form, before: Session, parts: PageParts): Promise<Session> => {
  const { http, throttle, approvals, sessions, isOverUnixSocket } = parts;
  const network = http.networkOf(ctx, isOverUnixSocket);
  const isCode = form.has("code");
  const waitSeconds = isCode ? throttle.attempt(network) : undefined;
  if (waitSeconds !== undefined) throw signInThrottled(waitSeconds);
  const key = await keyIn(ctx, form, parts);
  const principal = await entered(ctx, parts, key);
  if (principal === undefined) throw isCode ? codeWrong() : invalidToken();
  approvals.assertApprover(principal);
  if (isCode) throttle.succeeded(network);
  const session = sessions.fresh(key);
  // Browsers ignore a session cookie that is too long without an error, so the person could never sign in.
  if (sessions.cookieOf(session).length > longestCookie) invalid("/key", "is too long for a session cookie. Use a shorter token");
  if (before.token !== undefined) await endSession(parts.codes.store, before);
  return session;
};

const keyIn = async (ctx: KoaContext, form: Form, parts: PageParts): Promise<string> => {
  const code = form.get("code");
  if (code !== undefined) {
    const key = await redeemCode(parts.codes, code);
    if (key !== undefined) return key;
    // The authenticator also checks a wrong sign-in code as a key, so that the trail records the failed attempt.
    await entered(ctx, parts, code);
    throw codeWrong();
  }
  const key = form.get("key")?.trim() ?? "";
  return key === "" ? invalid("/key", "is empty") : key;
};

/**
 * Ends the session also on the server, so that a copy of the session cookie stops working. The sign-out form must belong to the
 * ended session.
 */
export const signOut = async (ctx: KoaContext, visit: Visit, parts: PageParts): Promise<void> => {
  await readForm(ctx, visit, parts);
  if (visit.session.token !== undefined) await endSession(parts.codes.store, visit.session);
  ctx.set("set-cookie", parts.sessions.noCookie);
};
