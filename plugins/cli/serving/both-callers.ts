// The authenticator of cli() if it has the option `remote`: one authenticator for the terminal of this computer, and another one
// for remote callers. Neither ever gets the credentials that belong to the other.

import { authenticatorOver } from "../../../core/model/authenticator.ts";
import { partOf, readingOf } from "../../../core/model/credentials.ts";
import { type Authentication, type Authenticator, asAuthenticator } from "../../../core/plugin-api.ts";

/** @param local  The authenticator for `quater run` without `--remote`. If it is undefined, local callers are refused. */
export const bothCallers = (local: Authentication | undefined, remote: Authentication): Authenticator => {
  const [here, there] = [local === undefined ? undefined : asAuthenticator(local), asAuthenticator(remote)];
  return authenticatorOver(here === undefined ? [there] : [here, there], {
    name: there.name,
    authenticate: (credentials, resources) => {
      const asked = credentials.isLocal ? here : there;
      return asked?.authenticate(partOf(credentials, readingOf(asked.reads)), resources);
    },
  });
};
