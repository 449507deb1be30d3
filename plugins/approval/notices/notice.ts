// A notice says that there is a request, where people decide it, and how they decided. It contains no arguments and gives no rights.

import type { Awaitable } from "../../../core/plugin-api.ts";
import type { Filed } from "../record.ts";

export type NoticeType =
  | "approval.filed"
  | "approval.approved"
  | "approval.denied"
  | "approval.cancelled"
  | "approval.revoked"
  | "approval.expired"
  | "approval.used";

export interface Notice {
  readonly type: NoticeType;
  readonly id: string;
  readonly app: string;
  readonly handler: string;
  readonly policy: string;
  /** The page where people decide the request. Absent without http(). */
  readonly url?: string;
}

/** Called after the change was committed. */
export type Notify = (notice: Notice) => Awaitable<void>;

/** Notices to it are signed by the Standard Webhooks scheme. */
export interface Webhook {
  readonly webhook: { readonly url: string; readonly secret: string };
}

export type NotifyOption = Notify | Webhook | readonly (Notify | Webhook)[];

/** Sends a notice. Does not wait and does not throw, so a call does not depend on it. */
export type Tell = (notice: Notice) => void;

export const noticeOf = (
  type: NoticeType,
  { id, app, handler, policyName }: Pick<Filed, "id" | "app" | "handler" | "policyName">,
  url: string | undefined,
): Notice => ({ type, id, app, handler, policy: policyName, ...(url === undefined ? {} : { url }) });
