// Collects the values that the presentation of an approval request needs, for the approvals page, the API and the commands.

import type { Catalog } from "../../../core/plugin-api.ts";
import type { ApprovalRecord } from "../record.ts";
import type { Approvals } from "../service.ts";
import { type Presentation, presentationOf } from "./presentation.ts";
import type { View } from "./safe-text.ts";

export type Present = (record: ApprovalRecord, view: View) => Promise<Presentation>;

export interface PresentSources {
  readonly approvals: Pick<Approvals, "earlier" | "ranBefore">;
  readonly catalog: Catalog;
  /** Returns the keyed digest of a value, computed by audit: `hmac:<key id>:<64 hex>`. */
  readonly tagOf: (value: unknown) => string;
  /** Returns the place where the calls of the app run, in words for people: `serve, https://shop.example`. */
  readonly environment?: () => string;
}

/**
 * Returns a function that presents an approval request. The returned function throws {QuaterError} if Quater cannot read the
 * store or the trail.
 */
export const presentOn =
  ({ approvals, catalog, tagOf, environment }: PresentSources): Present =>
  async (record, view) =>
    presentationOf(record, {
      view,
      operation: catalog.get(record.handler),
      earlier: await approvals.earlier(record),
      ranBefore: await approvals.ranBefore(record),
      tagOf,
      now: Date.now(),
      ...(environment === undefined ? {} : { environment: environment() }),
    });
