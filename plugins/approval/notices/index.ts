// The only file of the folder `notices` that other folders import. This file exports the code that sends notices about approval
// requests to functions and webhooks.

export { type Notice, type NoticeType, type Notify, type NotifyOption, noticeOf, type Tell, type Webhook } from "./notice.ts";
export { noticeProblems } from "./problems.ts";

/** Loads the code that sends notices. The checks of options run at every start and do not need this code. */
export const sending = (): Promise<typeof import("./deliver.ts")> => import("./deliver.ts");
