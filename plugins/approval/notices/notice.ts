// A notice is a message about an approval request: that the request exists, where people can decide it, and how it was decided. A
// notice contains no arguments and gives no rights.

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
  /** The URL of the approvals page on which people decide the request. Absent without http(). */
  readonly url?: string;
}

/** Receives notices. Called after the change of the request was committed to the store. */
export type Notify = (notice: Notice) => Awaitable<void>;

/** A URL that gets notices by POST, signed by the Standard Webhooks scheme. */
export interface Webhook {
  readonly webhook: { readonly url: string; readonly secret: string };
}

export type NotifyOption = Notify | Webhook | readonly (Notify | Webhook)[];

export const targetsOf = (notify: NotifyOption | undefined): readonly (Notify | Webhook)[] =>
  notify === undefined ? [] : ([notify].flat() as readonly (Notify | Webhook)[]);

/** Queues a notice. The function neither waits nor throws, so calls do not depend on notices. */
export type Tell = (notice: Notice) => void;

export const noticeOf = (
  type: NoticeType,
  { id, app, handler, policyName }: Pick<Filed, "id" | "app" | "handler" | "policyName">,
  url: string | undefined,
): Notice => ({ type, id, app, handler, policy: policyName, ...(url === undefined ? {} : { url }) });
