// The only file of the folder `page` that other folders import. This file exports the approvals page.

import type { Audit } from "../../audit/service.ts";
import type { KoaContext } from "../../http/service.ts";
import type { Store } from "../../store/service.ts";
import { codeMigrations } from "./codes.ts";
import { endedMigration } from "./ended.ts";
import type { PageParts } from "./parts.ts";
import { Sessions } from "./session.ts";
import { Throttle } from "./throttle.ts";

export { issueCode } from "./codes.ts";

export const pageMigrations = [...codeMigrations, endedMigration];

export interface PageGiven extends Omit<PageParts, "codes" | "sessions" | "throttle" | "publicOrigin"> {
  readonly store: Store;
  readonly audit: Audit;
  readonly publicUrl: string | undefined;
}

/**
 * Limits of attempts to sign in with a sign-in code. There are 2 * 10^11 sign-in codes, and each sign-in code is valid for five
 * minutes. If ten codes are always valid, an attacker who tries 600 codes a minute for a year finds a valid sign-in code with a
 * probability of about 1 %.
 */
const attempts = { perPeer: 5, altogether: 600, windowMs: 60_000 } as const;

/** @returns A function that answers each HTTP request under /approvals, except HTTP requests to the API. */
export const pageOn = ({ store, audit, publicUrl, ...given }: PageGiven): ((ctx: KoaContext) => Promise<void>) => {
  const parts: PageParts = {
    ...given,
    codes: { store, audit },
    sessions: new Sessions({ secrets: (label) => audit.deriveSecrets(label), isHttps: publicUrl?.startsWith("https:") === true }),
    throttle: new Throttle(attempts),
    publicOrigin: publicUrl === undefined ? undefined : new URL(publicUrl).origin,
  };
  // Quater loads the code of the approvals page for the first visitor, because most processes that set up the plugin do not serve
  // the approvals page.
  return async (ctx) => (await import("./routes.ts")).servePage(ctx, parts);
};
