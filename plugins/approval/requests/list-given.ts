// Which requests a list shows.

import type { ApprovalState } from "./record.ts";

export interface ListGiven {
  /** Default: all. */
  readonly states?: readonly ApprovalState[];
  readonly handler?: string;
  /** Newest first. Default 50, at most 200. */
  readonly limit?: number;
  /** Only those filed before this one: for the next page. */
  readonly before?: string;
}
