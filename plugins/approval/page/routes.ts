// The routes of the approvals page, and the headers of all responses of the approvals page. A GET request to the approvals page
// changes nothing.

import type { Html } from "../../../core/diagnostics/html.ts";
import { isQuaterError, type QuaterError } from "../../../core/index.ts";
import type { KoaContext } from "../../http/service.ts";
import { methodNotAllowed, noSuchPage } from "../errors.ts";
import { revoke, vote } from "./deciding.ts";
import { assertFromOurPage, readForm, signedIn } from "./form.ts";
import { listed, looked } from "./looking.ts";
import type { PageParts } from "./parts.ts";
import { continuePage, refusedPage, signInPage } from "./sign-in-page.ts";
import { nextOf, signIn, signOut } from "./signing-in.ts";
import { style } from "./style.ts";
import { anonymousVisitOf, type Visit, visitOf, visitorOf } from "./visitor.ts";

/**
 * Headers of every response of the approvals page. The headers allow only the style sheet and the forms of the approvals page,
 * and forbid frames, caches, and access from other windows.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-frame-options": "DENY",
  // With "no-referrer", browsers would send `Origin: null` with the forms of the approvals page.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const signInPath = "/approvals/sign-in";
const requestPath = /^\/approvals\/([\w-]{1,100})(?:\/(vote|revocation))?$/;

export const servePage = async (ctx: KoaContext, parts: PageParts): Promise<void> => {
  for (const [name, value] of Object.entries(pageHeaders)) ctx.set(name, value);
  try {
    await answer(ctx, parts);
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    refused(ctx, error, parts);
  }
};

const answer = async (ctx: KoaContext, parts: PageParts): Promise<void> => {
  const { path } = ctx;
  if (path === "/approvals/style.css") return styled(allowing(ctx, "GET"));
  if (path === "/approvals") return look(allowing(ctx, "GET"), parts);
  if (path === signInPath) return isRead(ctx) ? askToSignIn(ctx, parts) : signingIn(allowing(ctx, "GET, POST"), parts);
  if (path === "/approvals/sign-out") return act(allowing(ctx, "POST"), parts);
  const [, id, action] = requestPath.exec(path) ?? [];
  if (id === undefined) throw noSuchPage();
  return action === undefined ? look(allowing(ctx, "GET"), parts, id) : act(allowing(ctx, "POST"), parts, id, action);
};

const isRead = ({ method }: KoaContext): boolean => method === "GET" || method === "HEAD";

const allowing = (ctx: KoaContext, methods: string): KoaContext => {
  if (methods.split(", ").includes(ctx.method === "HEAD" ? "GET" : ctx.method)) return ctx;
  ctx.set("allow", methods);
  throw methodNotAllowed(methods);
};

const styled = (ctx: KoaContext): void => {
  ctx.set("cache-control", "max-age=300");
  ctx.type = "text/css; charset=utf-8";
  ctx.body = style;
};

const look = async (ctx: KoaContext, parts: PageParts, id?: string): Promise<void> => {
  const visit = await visitOf(ctx, parts);
  if (!isContinued(ctx, visit, parts)) return;
  const { principal } = visit;
  if (principal === undefined) return goTo(ctx, `${signInPath}?next=${encodeURIComponent(targetOf(ctx))}`);
  const visitor = visitorOf(visit, parts);
  show(ctx, await (id === undefined ? listed(ctx, parts, visitor, principal) : looked(ctx, parts, visitor, principal, id)));
};

/** Answers with the sign-in page. A person who is signed in can also open the sign-in page, to sign in as another person. */
const askToSignIn = (ctx: KoaContext, parts: PageParts): void => {
  const visit = anonymousVisitOf(ctx, parts);
  if (!isContinued(ctx, visit, parts)) return;
  const { formToken } = visitorOf(visit, parts);
  show(ctx, signInPage({ app: parts.app }, { formToken, next: nextOf([ctx.query["next"]].flat()[0]) }));
};

/**
 * Answers a visit from another site with a link to the same page, because browsers send the session cookie only for HTTP requests
 * from the approvals page itself. For other visits, sets the session cookie if necessary.
 *
 * @returns Whether to show the page that the visitor requested.
 */
const isContinued = (ctx: KoaContext, { hasSession, session }: Visit, { sessions, app }: PageParts): boolean => {
  if (!hasSession && comesFromElsewhere(ctx)) {
    show(ctx, continuePage({ app }, continued(ctx)));
    return false;
  }
  // On a visit from another site, set no cookie. The browser did not send its session cookie, so a new cookie would replace the
  // session cookie in the browser.
  if (!hasSession || sessions.isDueForRefresh(session)) ctx.set("set-cookie", sessions.cookieOf(session));
  return true;
};

/** Whether a visit comes from another site. The parameter `continued` is for browsers that do not send Sec-Fetch-Site. */
const comesFromElsewhere = (ctx: KoaContext): boolean => {
  const site = ctx.headers["sec-fetch-site"];
  return site === undefined ? !("continued" in ctx.query) : site !== "same-origin" && site !== "none";
};

const targetOf = (ctx: KoaContext): string => {
  if (ctx.path === signInPath) return signInPath;
  return nextOf(`${ctx.path}${ctx.query["view"] === "full" ? "?view=full" : ""}`);
};

const continued = (ctx: KoaContext): string => {
  const target = targetOf(ctx);
  return `${target}${target.includes("?") ? "&" : "?"}continued`;
};

const signingIn = async (ctx: KoaContext, parts: PageParts): Promise<void> => {
  assertFromOurPage(ctx, parts);
  const visit = anonymousVisitOf(ctx, parts);
  const form = await readForm(ctx, visit, parts);
  const next = nextOf(form.get("next"));
  try {
    const session = await signIn(ctx, form, visit.session, parts);
    ctx.set("set-cookie", parts.sessions.cookieOf(session));
    goTo(ctx, next);
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    const { formToken } = visitorOf(visit, parts);
    showRefusal(ctx, error, signInPage({ app: parts.app }, { formToken, next, refused: error }), parts);
  }
};

const act = async (ctx: KoaContext, parts: PageParts, id = "", action = "sign-out"): Promise<void> => {
  assertFromOurPage(ctx, parts);
  const visit = await visitOf(ctx, parts);
  if (action === "sign-out") {
    await signOut(ctx, visit, parts);
    return goTo(ctx, signInPath);
  }
  const principal = signedIn(visit);
  const form = await readForm(ctx, visit, parts);
  const again = async () => signedIn(await visitOf(ctx, parts, principal));
  await (action === "vote" ? vote : revoke)(parts.approvals, { principal, again }, id, form);
  goTo(ctx, `/approvals/${id}`);
};

const goTo = (ctx: KoaContext, path: string): void => {
  ctx.status = 303; // RFC 9110 15.4.4: after a 303 the browser requests the next page with GET.
  ctx.set("location", path);
  ctx.body = "";
};

const show = (ctx: KoaContext, body: Html, status = 200): void => {
  ctx.status = status;
  ctx.type = "text/html; charset=utf-8";
  ctx.body = String(body);
};

const refused = (ctx: KoaContext, error: QuaterError, parts: PageParts): void => {
  // After these errors, the person must sign in again before any approvals page works.
  const isSignInNext = error.kind === "unauthenticated" || ["form_not_yours", "approver_not_eligible"].includes(error.code);
  const back = isSignInNext ? { path: signInPath, words: "Sign in" } : { path: "/approvals", words: "All approvals" };
  showRefusal(ctx, error, refusedPage({ app: parts.app }, error, String(ctx.state["callId"]), back), parts);
};

const showRefusal = (ctx: KoaContext, error: QuaterError, body: Html, { http }: PageParts): void => {
  show(ctx, body, http.statusOf(error));
  // RFC 9110 15.5.2: a response with the status 401 contains the header WWW-Authenticate.
  if (ctx.status === 401) ctx.set("www-authenticate", "Bearer");
  if (error.retryAfterSeconds !== undefined) ctx.set("retry-after", String(error.retryAfterSeconds));
};
