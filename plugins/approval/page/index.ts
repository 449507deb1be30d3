// The door of this folder: the approvals page. Other folders import this file alone.

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
 * There are 2 * 10^11 codes, and each is valid for five minutes. A person who guesses 600 codes a minute for a year, while ten codes are always
 * valid, finds one with a chance of about 1 %.
 */
const attempts = { perPeer: 5, altogether: 600, windowMs: 60_000 } as const;

/** @returns A function that answers each request under /approvals, except requests of the API. */
export const pageOn = ({ store, audit, publicUrl, ...given }: PageGiven): ((ctx: KoaContext) => Promise<void>) => {
  const parts: PageParts = {
    ...given,
    codes: { store, audit },
    sessions: new Sessions({ secrets: (label) => audit.deriveSecrets(label), isHttps: publicUrl?.startsWith("https:") === true }),
    throttle: new Throttle(attempts),
    publicOrigin: publicUrl === undefined ? undefined : new URL(publicUrl).origin,
  };
  // Loaded when the first visitor comes, because most processes that set the plugin up serve nobody.
  return async (ctx) => (await import("./routes.ts")).servePage(ctx, parts);
};
