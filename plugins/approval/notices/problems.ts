// Checks the option `notify` at boot.

import { isPrivateUrl } from "../../../core/model/loopback.ts";
import type { BootProblem } from "../../../core/plugin-api.ts";
import { type NotifyOption, targetsOf } from "./notice.ts";
import { signingKeyOf } from "./sign.ts";

export const noticeProblems = (notify: NotifyOption | undefined): BootProblem[] =>
  targetsOf(notify).flatMap((target): BootProblem[] => {
    const say = (cause: string, remedy: string): BootProblem[] => [{ place: "approval()", plugin: "approval", cause, remedy }];
    if (typeof target === "function") return [];
    const { url = "", secret = "" } = Object(Object(target).webhook) as { url?: unknown; secret?: unknown };
    if (typeof url !== "string" || !URL.canParse(url))
      return say(
        "approval's notify is neither a function nor a webhook with a url",
        "Write notify: { webhook: { url, secret } }",
      );
    const address = new URL(url);
    const { origin, username, password } = address;
    if (username !== "" || password !== "")
      return say(
        `approval's webhook at ${origin} has a password in its address`,
        "Remove the user name and the password: the receiver knows the sender by the signature",
      );
    if (!isPrivateUrl(address))
      return say(
        `approval's webhook at ${origin} is not an https address`,
        "Use https, because a notice names handlers and requests",
      );
    if (typeof secret !== "string" || signingKeyOf(secret) === undefined)
      return say(
        `approval's webhook at ${origin} has no secret to sign with`,
        "Add secret: whsec_ and at least 24 random bytes in base64, and give it to the receiver",
      );
    return [];
  });
