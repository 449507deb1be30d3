// A notice tells others that there is a request, where to decide it, and how it was decided. It has no arguments and gives no rights.

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
  /** Where it is decided; absent without http. */
  readonly url?: string;
}

/** Told after the change was committed. */
export type Notify = (notice: Notice) => Awaitable<void>;

/** Signed by the Standard Webhooks scheme. */
export interface Webhook {
  readonly webhook: { readonly url: string; readonly secret: string };
}

export type NotifyOption = Notify | Webhook | readonly (Notify | Webhook)[];

/** Never waits and never throws: a call does not hang on who is told of it. */
export type Tell = (notice: Notice) => void;

export const noticeOf = (
  type: NoticeType,
  { id, app, handler, policyName }: Pick<Filed, "id" | "app" | "handler" | "policyName">,
  url: string | undefined,
): Notice => ({ type, id, app, handler, policy: policyName, ...(url === undefined ? {} : { url }) });
