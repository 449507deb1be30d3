// The only file of this folder that other folders import. It exports the notices about requests, to functions and webhooks.

export { type Notice, type NoticeType, type Notify, type NotifyOption, noticeOf, type Tell, type Webhook } from "./notice.ts";
export { noticeProblems } from "./problems.ts";

/** Loads the code that sends notices. The checks of options, which run at every start, do not need this code. */
export const sending = (): Promise<typeof import("./deliver.ts")> => import("./deliver.ts");
