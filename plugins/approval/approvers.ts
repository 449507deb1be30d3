// Authenticates approvers, by the option `authenticate` of approval() or by the headers of a proxy that signs people in (sso.ts).

import { authenticatorOver } from "../../core/model/authenticator.ts";
import { allReads, partOf, readingOf } from "../../core/model/credentials.ts";
import { type Authentication, type Authenticator, asAuthenticator } from "../../core/plugin-api.ts";
import type { SsoOptions } from "./options.ts";

/**
 * The name of the surface on which approvers authenticate. This surface exposes no handler. Because approvers have a surface, the
 * trail records refused credentials of approvers.
 */
export const approversSurface = "approvals";

/**
 * Returns the authenticator of the approvers' surface. The authenticator first reads the headers of the proxy that signs people
 * in, and then calls `given`.
 */
export const approversDoor = (given: Authentication | undefined, sso: SsoOptions | undefined): Authenticator | undefined => {
  if (sso === undefined) return given === undefined ? undefined : asAuthenticator(given);
  const keys = given === undefined ? undefined : asAuthenticator(given);
  const headers = [sso.personHeader, sso.rolesHeader, sso.secretHeader].filter((name) => name !== undefined);
  const door = authenticatorOver(keys === undefined ? [] : [keys], {
    name: keys === undefined ? "sso" : `sso, ${keys.name}`,
    authenticate: async (credentials, resources) => {
      const { personBehind } = await import("./sso.ts");
      return personBehind(sso, credentials) ?? keys?.authenticate(partOf(credentials, readingOf(keys.reads)), resources);
    },
  });
  // Other authenticators cannot read reserved headers such as x-forwarded-user. The authenticator for approvers can read
  // x-forwarded-user, because it accepts this header only with the proxy's secret or over the proxy's socket.
  return { ...door, reads: allReads([{ headers }, ...(keys === undefined ? [] : [keys.reads])]) };
};
