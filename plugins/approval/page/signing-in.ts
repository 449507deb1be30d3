// Signing in and out. Signing in gives a new session and ends the one before, so that nobody can wait in a session that he
// prepared. One-time codes are short, so attempts are counted before a code is looked up. Keys cannot be guessed, and are not
// counted: otherwise somebody who guesses codes would lock out the people who hold keys.

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

/** Where somebody may be sent on to: our own pages, and nothing that only looks like one. */
const ownPage = new RegExp(`^/approvals(?:/${idForm}(?:\\?view=full)?|\\?before=${idForm})?$`);

export const nextOf = (given: string | undefined): string => (given !== undefined && ownPage.test(given) ? given : "/approvals");

/** RFC 6265 6.1: what every browser takes, attributes included. */
const longestCookie = 4_096;

/** @param before  The session that the form was sent in. @returns The new session. @throws {QuaterError} `sign_in_throttled`, `sign_in_code_wrong`, `invalid_token`, ... */
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
  // Browsers silently drop a longer cookie, and the person could never sign in.
  if (sessions.cookieOf(session).length > longestCookie) invalid("/key", "is too long for a session; use a smaller token");
  if (before.token !== undefined) await endSession(parts.codes.store, before);
  return session;
};

const keyIn = async (ctx: KoaContext, form: Form, parts: PageParts): Promise<string> => {
  const code = form.get("code");
  if (code !== undefined) {
    const key = await redeemCode(parts.codes, code);
    if (key !== undefined) return key;
    // A code is not a key. The authenticator gets it all the same, so that failed guesses are on the trail.
    await entered(ctx, parts, code);
    throw codeWrong();
  }
  const key = form.get("key")?.trim() ?? "";
  return key === "" ? invalid("/key", "is empty") : key;
};

/** Ends the session on the server, too: a copy of the cookie is worth nothing afterwards. Another visitor's form signs nobody out. */
export const signOut = async (ctx: KoaContext, visit: Visit, parts: PageParts): Promise<void> => {
  await readForm(ctx, visit, parts);
  if (visit.session.token !== undefined) await endSession(parts.codes.store, visit.session);
  ctx.set("set-cookie", parts.sessions.noCookie);
};
