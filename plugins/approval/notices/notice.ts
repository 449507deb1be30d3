// A notice is a message about an approval request. A notice reports a new approval request and the page on which people can
// decide it, or reports how an approval request was decided. A notice contains no arguments of the call and gives no rights.

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
  /**
   * The URL of the approvals page on which people decide the approval request. The URL is absent if the project has no http().
   */
  readonly url?: string;
}

/** Receives notices. Quater calls this function after Quater has committed the change of the approval request to the store. */
export type Notify = (notice: Notice) => Awaitable<void>;

/** A webhook: Quater sends each notice to the URL by POST, and signs the notice by the Standard Webhooks scheme. */
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
