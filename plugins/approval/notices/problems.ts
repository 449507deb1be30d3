// Checks the option `notify` of approval() at boot.

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
        "The approval() option notify must be a function or a webhook with a url",
        "Write notify: { webhook: { url, secret } }",
      );
    const address = new URL(url);
    const { origin, username, password } = address;
    if (username !== "" || password !== "")
      return say(
        `The webhook of approval() at ${origin} has a user name or a password in its URL`,
        "Remove the user name and the password from the URL. The receiver verifies the signature of the webhook instead",
      );
    if (!isPrivateUrl(address))
      return say(
        `The webhook of approval() at ${origin} does not use https`,
        "Use an https URL, because notices contain names of handlers and ids of approval requests",
      );
    if (typeof secret !== "string" || signingKeyOf(secret) === undefined)
      return say(
        `The webhook of approval() at ${origin} has no valid secret for its signature`,
        "Add the option secret to the webhook: whsec_ followed by at least 24 random bytes in base64, and configure the same secret in the receiver",
      );
    return [];
  });
