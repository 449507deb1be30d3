// Collects the values that the presentation of a request needs. The approvals page, the API and the commands use it.

import type { Catalog } from "../../../core/plugin-api.ts";
import type { ApprovalRecord } from "../record.ts";
import type { Approvals } from "../service.ts";
import { type Presentation, presentationOf } from "./presentation.ts";
import type { View } from "./safe-text.ts";

export type Present = (record: ApprovalRecord, view: View) => Promise<Presentation>;

export interface PresentSources {
  readonly approvals: Pick<Approvals, "earlier" | "ranBefore">;
  readonly catalog: Catalog;
  /** Returns audit's keyed digest of a value: `hmac:<key id>:<64 hex>`. */
  readonly tagOf: (value: unknown) => string;
  /** Returns the place where calls run, in words for people: `serve, https://shop.example`. */
  readonly environment?: () => string;
}

/** Returns a function that presents a request. That function throws {QuaterError} when the store or the trail cannot be read. */
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
