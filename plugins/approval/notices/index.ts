// The only file of this folder that other folders import. It exports the notices about requests, to functions and webhooks.

export { tellerOf } from "./deliver.ts";
export { type Notice, type NoticeType, type Notify, type NotifyOption, noticeOf, type Tell, type Webhook } from "./notice.ts";
export { noticeProblems } from "./problems.ts";
