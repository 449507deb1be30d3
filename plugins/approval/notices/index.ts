// The only file of this folder that other folders import. It exports the notices about requests, to functions and webhooks.

export { type Notice, type NoticeType, type Notify, type NotifyOption, noticeOf, type Tell, type Webhook } from "./notice.ts";
export { noticeProblems } from "./problems.ts";

/** Loads what sends notices. Checks of options, which every start reads, do without. */
export const sending = (): Promise<typeof import("./deliver.ts")> => import("./deliver.ts");
