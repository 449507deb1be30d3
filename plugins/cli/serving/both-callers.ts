// Makes the authenticator of cli() for a project with the option `remote`. One authenticator checks the callers at the terminal
// of this computer, and another authenticator checks remote callers. Neither authenticator gets the credentials for the other
// one.

import { authenticatorOver } from "../../../core/model/authenticator.ts";
import { partOf, readingOf } from "../../../core/model/credentials.ts";
import type { KnownCredentials } from "../../../core/model/known-credentials.ts";
import { type Authentication, type Authenticator, asAuthenticator } from "../../../core/plugin-api.ts";

/** @param local  The authenticator for `quater run` without `--remote`. If `local` is undefined, Quater refuses local callers. */
export const bothCallers = (local: Authentication | undefined, remote: Authentication): Authenticator => {
  const [here, there] = [local === undefined ? undefined : asAuthenticator(local), asAuthenticator(remote)];
  return authenticatorOver(here === undefined ? [there] : [here, there], {
    // The name contains the names of both authenticators, so that the exposure file shows a change of either authenticator.
    name: here === undefined ? there.name : `${here.name} for local callers, ${there.name} for remote callers`,
    listed: here === undefined ? there.listed : listedBy(here, there),
    authenticate: (credentials, resources) => {
      const asked = credentials.isLocal ? here : there;
      return asked?.authenticate(partOf(credentials, readingOf(asked.reads)), resources);
    },
  });
};

/**
 * Lists the credentials of local callers. For a key that only remote callers can use, the list says nothing about a local call.
 */
const listedBy =
  (here: Authenticator, there: Authenticator): (() => KnownCredentials) =>
  () => {
    const [own, remote] = [listOf(here), listOf(there)];
    const ids = new Set(own.known.map(({ id }) => id));
    const others = remote.known
      .filter(({ id }) => !ids.has(id))
      .map((one) => ({ ...one, unclear: `${there.name} of remote callers` }));
    return {
      known: [...own.known, ...others],
      others: [...own.others, ...remote.others.map((sentence) => `For remote callers: ${sentence}`)],
      unclear: own.unclear,
    };
  };

const listOf = ({ name, listed }: Authenticator): KnownCredentials =>
  listed?.() ?? {
    known: [],
    others: [`Quater does not know the credentials that the authenticator ${name} accepts`],
    unclear: name,
  };
