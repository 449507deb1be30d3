// The door of this folder: notices about requests, to functions and webhooks. Other folders import this file alone.

export { tellerOf } from "./deliver.ts";
export { type Notice, type NoticeType, type Notify, type NotifyOption, noticeOf, type Tell, type Webhook } from "./notice.ts";
export { noticeProblems } from "./problems.ts";
