// Authenticates approvers, by the option `authenticate` or by the headers of a proxy that signs people in. The headers count
// only if the HTTP request contains the proxy's secret, or came over a Unix socket that only the proxy can open. A loopback
// address is no proof, because every process on this computer has one.

import { createHash, timingSafeEqual } from "node:crypto";
import type { Credentials, Principal } from "../../core/index.ts";
import { authenticatorOver } from "../../core/model/authenticator.ts";
import { allReads, partOf, readingOf } from "../../core/model/credentials.ts";
import { type Authentication, type Authenticator, asAuthenticator } from "../../core/plugin-api.ts";
import { ssoNotTrusted } from "./errors.ts";
import type { SsoOptions } from "./options.ts";

/**
 * The name of the surface on which approvers authenticate. It exposes no handler. It exists so that refused credentials are
 * recorded in the trail.
 */
export const approversSurface = "approvals";

/** Returns the authenticator of the approvers' surface. It reads the proxy's headers first, and then calls `given`. */
export const approversDoor = (given: Authentication | undefined, sso: SsoOptions | undefined): Authenticator | undefined => {
  if (sso === undefined) return given === undefined ? undefined : asAuthenticator(given);
  const keys = given === undefined ? undefined : asAuthenticator(given);
  const headers = [sso.personHeader, sso.rolesHeader, sso.secretHeader].filter((name) => name !== undefined);
  const door = authenticatorOver(keys === undefined ? [] : [keys], {
    name: keys === undefined ? "sso" : `sso, ${keys.name}`,
    authenticate: (credentials, resources) =>
      personBehind(sso, credentials) ?? keys?.authenticate(partOf(credentials, readingOf(keys.reads)), resources),
  });
  // Other authenticators cannot read reserved headers such as x-forwarded-user. This one can, because the headers count only with
  // the proxy's secret or over its socket.
  return { ...door, reads: allReads([{ headers }, ...(keys === undefined ? [] : [keys.reads])]) };
};

/**
 * @returns The person whom the headers name; `undefined` when the headers are absent. @throws {QuaterError} `sso_not_trusted`.
 */
export const personBehind = (sso: SsoOptions, credentials: Credentials): Principal | undefined => {
  const person = textOf(credentials, sso.personHeader);
  if (person === undefined || person === "") return undefined;
  if (!isFromProxy(sso, credentials))
    throw ssoNotTrusted("The request names a person in a header, but did not come from the trusted proxy");
  // Two header lines arrive as one value with a comma. One of them is then not from the proxy, so refuse both.
  if (person.includes(",") || person.length > 200)
    throw ssoNotTrusted("The header that names the person must have exactly one name");
  const roles = sso.rolesHeader === undefined ? "" : (textOf(credentials, sso.rolesHeader) ?? "");
  return Object.freeze({
    issuer: "sso",
    subject: person,
    kind: "user",
    person,
    credential: `sso:${person}`,
    scopes: Object.freeze([]),
    roles: Object.freeze(
      roles
        .split(",")
        .map((role) => role.trim())
        .filter((role) => role !== ""),
    ),
    claims: Object.freeze({}),
  });
};

const isFromProxy = (sso: SsoOptions, credentials: Credentials): boolean => {
  if (sso.unixSocket === true) return credentials.isOverUnixSocket === true;
  const shown = credentials.header(sso.secretHeader.toLowerCase()) ?? "";
  return timingSafeEqual(hash(shown), hash(sso.secret));
};

const hash = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Decodes a header value. Proxies send UTF-8, but Node reads header bytes as Latin-1. */
const textOf = ({ header }: Credentials, name: string): string | undefined => {
  const raw = header(name.toLowerCase());
  if (raw === undefined) return undefined;
  const bytes = Buffer.from(raw, "latin1");
  const text = bytes.toString("utf8");
  return (Buffer.from(text, "utf8").equals(bytes) ? text : raw).trim();
};
