// Who sends a request to the page: the session from its cookie, and the person whom the approvers' door makes of what the
// session carries, asked anew for every request.

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
  /** The cookie came with the request: its forms can be told to be its own. */
  readonly hasSession: boolean;
  /** `undefined` when nobody is signed in. */
  readonly principal: Principal | undefined;
  readonly isSso: boolean;
}

/** Returns the session without a principal: for signing in. */
export const strangerOf = (ctx: KoaContext, { sessions }: PageParts): Visit => {
  const found = sessions.read(ctx.headers.cookie);
  return { session: found ?? sessions.fresh(), hasSession: found !== undefined, principal: undefined, isSso: false };
};

const newSession = ({ sessions }: PageParts) => ({ session: sessions.fresh(), hasSession: false });

/**
 * Reads the session and asks the door. What this person may do is for the approvals service to say.
 *
 * @param before  Who was let in before, when the credential is checked again after a form was read.
 * @throws {QuaterError} `sso_not_trusted`, `authenticator_failed`.
 */
export const visitOf = async (ctx: KoaContext, parts: PageParts, before?: Principal): Promise<Visit> => {
  const { sso } = parts;
  const stranger = strangerOf(ctx, parts);
  const isSso = sso !== undefined && (ctx.headers[sso.personHeader.toLowerCase()] ?? "") !== "";
  const token = isSso ? undefined : stranger.session.token;
  if (!isSso && token === undefined) return stranger;
  if (!isSso && (await isEnded(parts.codes.store, stranger.session))) return { ...stranger, ...newSession(parts) };
  const principal = await entered(ctx, parts, token, before);
  return { ...stranger, principal, isSso };
};

/** @returns `undefined` when the door does not know the credential, or not any more. */
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
      if (more.length > 0) throw ssoNotTrusted(`The header ${name} is given more than once`);
      return line;
    },
    ...(peer === undefined ? {} : { peer }),
    // What is typed into a form is the credential. What the request carries beside it is not: browsers add it by themselves.
    ...(token === undefined ? {} : { token }),
  };
};

/** Part of what form tokens are made of: a form made for one person is no form of the next one's. */
export const personOf = ({ principal }: Visit): string =>
  principal === undefined ? "" : JSON.stringify([principal.issuer, principal.subject, principal.credential]);

export const visitorOf = (visit: Visit, { sessions }: PageParts): Visitor => ({
  formToken: sessions.formToken(visit.session, personOf(visit)),
  person: visit.principal === undefined ? undefined : safeText(visit.principal.person ?? visit.principal.subject, "full"),
  isSso: visit.isSso,
});
