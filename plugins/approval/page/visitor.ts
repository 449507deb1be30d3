// Finds out who sends an HTTP request to the approvals page. visitor.ts reads the session from its cookie, and authenticates the
// credential of the session again for each HTTP request.

import { isQuaterError, type Principal } from "../../../core/index.ts";

import type { Presented } from "../../../core/plugin-api.ts";
import type { KoaContext } from "../../http/service.ts";
import { approversSurface } from "../approvers.ts";
import { ssoNotTrusted } from "../errors.ts";
import { safeText } from "../shown/index.ts";
import { isEnded } from "./ended.ts";
import type { Visitor } from "./layout.ts";
import type { PageParts } from "./parts.ts";
import type { Session } from "./session.ts";

export interface Visit {
  readonly session: Session;
  /** Whether the HTTP request had a session cookie. Without the session cookie, Quater cannot check the form token. */
  readonly hasSession: boolean;
  /** The principal of the person who is signed in; `undefined` if nobody is signed in. */
  readonly principal: Principal | undefined;
  readonly isSso: boolean;
}

/** Returns the session of an HTTP request with the sign-in form, without authenticating the credential of the session. */
export const anonymousVisitOf = (ctx: KoaContext, { sessions }: PageParts): Visit => {
  const found = sessions.read(ctx.headers.cookie);
  return { session: found ?? sessions.fresh(), hasSession: found !== undefined, principal: undefined, isSso: false };
};

const newSession = ({ sessions }: PageParts) => ({ session: sessions.fresh(), hasSession: false });

/**
 * Returns the session and the authenticated visitor of an HTTP request. The approvals service decides what the visitor may do.
 *
 * @param before  The principal that an earlier check returned, before Quater read the form. Absent for the first check.
 * @throws {QuaterError} `sso_not_trusted`, `authenticator_failed`.
 */
export const visitOf = async (ctx: KoaContext, parts: PageParts, before?: Principal): Promise<Visit> => {
  const { sso } = parts;
  const visit = anonymousVisitOf(ctx, parts);
  const isSso = sso !== undefined && (ctx.headers[sso.personHeader.toLowerCase()] ?? "") !== "";
  const token = isSso ? undefined : visit.session.token;
  if (!isSso && token === undefined) return visit;
  if (!isSso && (await isEnded(parts.codes.store, visit.session))) return { ...visit, ...newSession(parts) };
  const principal = await entered(ctx, parts, token, before);
  return { ...visit, principal, isSso };
};

/** Authenticates a visitor of the approvals page. @returns `undefined` if the credential is not valid, or no longer valid. */
export const entered = async (
  ctx: KoaContext,
  parts: PageParts,
  token: string | undefined,
  before?: Principal,
): Promise<Principal | undefined> => {
  const { gate } = parts;
  const credentials = credentialsOf(ctx, parts, token);
  const entry = { surface: approversSurface, credentials, callId: String(ctx.state["callId"]) };
  try {
    return await (before === undefined ? gate.enter(entry) : gate.enterAgain(entry, before, Number.NEGATIVE_INFINITY));
  } catch (error) {
    if (isQuaterError(error) && error.kind === "unauthenticated") return undefined;
    throw error;
  }
};

const credentialsOf = (ctx: KoaContext, { http, isOverUnixSocket }: PageParts, token: string | undefined): Presented => {
  const { peer } = http.credentials(ctx, approversSurface);
  return {
    surface: approversSurface,
    isLocal: false,
    isOverUnixSocket,
    header: (name) => {
      if (name === "authorization" || name === "cookie") return undefined;
      const [line, ...more] = ctx.req.headersDistinct[name] ?? [];
      if (more.length > 0) throw ssoNotTrusted(`The request contains the header ${name} more than once`);
      return line;
    },
    ...(peer === undefined ? {} : { peer }),
    // Only a token that the visitor typed into a form is the visitor's credential. Browsers send other credentials automatically.
    ...(token === undefined ? {} : { token }),
  };
};

/** Returns a text for form tokens, so that a form of one person is not valid for the next person in the same session. */
export const personOf = ({ principal }: Visit): string =>
  principal === undefined ? "" : JSON.stringify([principal.issuer, principal.subject, principal.credential]);

export const visitorOf = (visit: Visit, { sessions }: PageParts): Visitor => ({
  formToken: sessions.formToken(visit.session, personOf(visit)),
  person: visit.principal === undefined ? undefined : safeText(visit.principal.person ?? visit.principal.subject, "full"),
  isSso: visit.isSso,
});
