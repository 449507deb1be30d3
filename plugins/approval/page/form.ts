// Reads the forms of the approvals page. Each form must come from a page of this server (threat T16), and contain the form token
// of the visitor's session.

import { invalid } from "../../../core/index.ts";
import { loopbackHosts } from "../../../core/model/loopback.ts";

import { tooLarge, unauthenticated } from "../../../core/plugin-api.ts";
import type { KoaContext } from "../../http/service.ts";
import { approversSurface } from "../approvers.ts";
import { crossSite, formNotYours, notAForm } from "../errors.ts";
import type { PageParts } from "./parts.ts";
import { personOf, type Visit } from "./visitor.ts";

export type Form = ReadonlyMap<string, string>;

const maxBytes = 16 * 1024;
const formType = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * Checks by the headers of the HTTP request that a form comes from a page of this server. Quater refuses a form that does not
 * come from the origin of the approvals page.
 * @throws {QuaterError} `origin_not_allowed`.
 */
export const assertFromOurPage = ({ headers }: KoaContext, { publicOrigin }: PageParts): void => {
  const { origin, host = "" } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") throw crossSite();
  if (origin === undefined ? site === undefined : !isOurs(origin, host, publicOrigin)) throw crossSite();
};

/**
 * Whether an origin is the origin of the approvals page. The plugin http() has already checked the Host header of the HTTP
 * request. If publicUrl is set, Quater refuses other origins of the same server.
 */
const isOurs = (origin: string, host: string, publicOrigin: string | undefined): boolean =>
  origin === publicOrigin ||
  ((publicOrigin === undefined || loopbackHosts.includes(host.toLowerCase().replace(/:\d+$/, ""))) &&
    /^https?:\/\/(.+)$/.exec(origin)?.[1] === host);

/**
 * Reads and checks the form in an HTTP request. @throws {QuaterError} `unsupported_media_type`, `too_large`, `invalid_input`,
 * `form_not_yours`.
 */
export const readForm = async (ctx: KoaContext, visit: Visit, { http, sessions }: PageParts): Promise<Form> => {
  if (!formType.test(ctx.get("content-type"))) throw notAForm();
  if (Number(ctx.get("content-length") || 0) > maxBytes) throw tooLarge("The form", `${maxBytes} bytes`);
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams((await http.readBody(ctx)).toString("utf8"))) {
    if (form.has(name)) invalid(`/${name}`, "is given more than once");
    form.set(name, value);
  }
  if (!visit.hasSession) throw formNotYours();
  if (!sessions.isFormToken(visit.session, personOf(visit), form.get("form") ?? "")) throw formNotYours();
  return form;
};

/** Returns the principal of the person who is signed in. @throws {QuaterError} `unauthenticated`. */
export const signedIn = ({ principal }: Visit): NonNullable<Visit["principal"]> => {
  if (principal === undefined) throw unauthenticated(approversSurface);
  return principal;
};
