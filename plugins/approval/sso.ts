// Finds the person whom a proxy names in its headers. Quater accepts the headers only if the HTTP request contains the proxy's
// secret, or came over a Unix socket that only the proxy can open. A loopback address proves nothing, because every process on
// this computer can use a loopback address.

import { createHash, timingSafeEqual } from "node:crypto";
import type { Credentials, Principal } from "../../core/index.ts";
import { ssoNotTrusted } from "./errors.ts";
import type { SsoOptions } from "./options.ts";

/**
 * @returns The person in the headers of the proxy; `undefined` if the headers are absent. @throws {QuaterError}
 * `sso_not_trusted`.
 */
export const personBehind = (sso: SsoOptions, credentials: Credentials): Principal | undefined => {
  const person = textOf(credentials, sso.personHeader);
  if (person === undefined || person === "") return undefined;
  if (!isFromProxy(sso, credentials))
    throw ssoNotTrusted("The request names a person in a header, but did not come from the trusted proxy");
  // Node joins two header lines with a comma to one value. If the value contains a comma, one of the two header lines is not from
  // the proxy, so refuse the value.
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

/** Decodes the value of a header. Proxies send UTF-8, but Node reads the bytes of headers as Latin-1. */
const textOf = ({ header }: Credentials, name: string): string | undefined => {
  const raw = header(name.toLowerCase());
  if (raw === undefined) return undefined;
  const bytes = Buffer.from(raw, "latin1");
  const text = bytes.toString("utf8");
  return (Buffer.from(text, "utf8").equals(bytes) ? text : raw).trim();
};
