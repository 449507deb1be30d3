// Authenticates approvers, by the option `authenticate` or by the headers of a proxy that signs people in. The headers are
// accepted only if the HTTP request contains the proxy's secret, or came over a Unix socket that only the proxy can open. A
// loopback address proves nothing, because every process on this computer can use a loopback address.

import { createHash, timingSafeEqual } from "node:crypto";
import type { Credentials, Principal } from "../../core/index.ts";
import { authenticatorOver } from "../../core/model/authenticator.ts";
import { allReads, partOf, readingOf } from "../../core/model/credentials.ts";
import { type Authentication, type Authenticator, asAuthenticator } from "../../core/plugin-api.ts";
import { ssoNotTrusted } from "./errors.ts";
import type { SsoOptions } from "./options.ts";

/**
 * The name of the surface on which approvers authenticate. The surface exposes no handler. The surface exists so that the trail
 * records refused credentials.
 */
export const approversSurface = "approvals";

/**
 * Returns the authenticator of the approvers' surface. The authenticator reads the proxy's headers first, and then calls `given`.
 */
export const approversDoor = (given: Authentication | undefined, sso: SsoOptions | undefined): Authenticator | undefined => {
  if (sso === undefined) return given === undefined ? undefined : asAuthenticator(given);
  const keys = given === undefined ? undefined : asAuthenticator(given);
  const headers = [sso.personHeader, sso.rolesHeader, sso.secretHeader].filter((name) => name !== undefined);
  const door = authenticatorOver(keys === undefined ? [] : [keys], {
    name: keys === undefined ? "sso" : `sso, ${keys.name}`,
    authenticate: (credentials, resources) =>
      personBehind(sso, credentials) ?? keys?.authenticate(partOf(credentials, readingOf(keys.reads)), resources),
  });
  // Other authenticators cannot read reserved headers such as x-forwarded-user. This authenticator can, because it accepts the
  // headers only with the proxy's secret or over the proxy's socket.
  return { ...door, reads: allReads([{ headers }, ...(keys === undefined ? [] : [keys.reads])]) };
};

/**
 * @returns The person in the proxy's headers; `undefined` when the headers are absent. @throws {QuaterError} `sso_not_trusted`.
 */
export const personBehind = (sso: SsoOptions, credentials: Credentials): Principal | undefined => {
  const person = textOf(credentials, sso.personHeader);
  if (person === undefined || person === "") return undefined;
  if (!isFromProxy(sso, credentials))
    throw ssoNotTrusted("The request names a person in a header, but did not come from the trusted proxy");
  // Node joins two header lines to one value with a comma. One of the two lines is not from the proxy, so refuse the value.
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
