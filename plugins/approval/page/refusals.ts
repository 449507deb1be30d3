// What the page itself refuses, before anybody is asked whether he may vote. Everything else is refused by the approvals
// service, in the same words for page, API and commands.

import { QuaterError } from "../../../core/index.ts";
import type { ErrorKind } from "../../../core/plugin-api.ts";

export const pageCodes = {
  sso_not_trusted: "forbidden",
  form_not_yours: "forbidden",
  sign_in_code_wrong: "unauthenticated",
  sign_in_throttled: "rate_limited",
} as const satisfies Record<string, ErrorKind>;

const build = (code: keyof typeof pageCodes, message: string, more: { readonly retryAfterSeconds?: number } = {}): QuaterError =>
  new QuaterError({ code, kind: pageCodes[code], message, ...more });

export const ssoNotTrusted = (message: string): QuaterError => build("sso_not_trusted", message);

/** Another visitor's form, one from before the last sign-in, or none. */
export const formNotYours = (): QuaterError =>
  build("form_not_yours", "This form was not made for you, or not since you last signed in: open the page again");

/** Wrong, used and expired ones answer alike. */
export const codeWrong = (): QuaterError =>
  build("sign_in_code_wrong", "This code is wrong, was used, or is older than five minutes");

export const signInThrottled = (retryAfterSeconds: number): QuaterError =>
  build("sign_in_throttled", "Too many attempts to sign in with a code: wait a little, or sign in with your key", {
    retryAfterSeconds,
  });

// The transport's own words, for what a page refuses as a server does. They stand with http's codes.

export const crossSite = (): QuaterError =>
  new QuaterError({ code: "origin_not_allowed", kind: "forbidden", message: "Pages of another origin may not send this form" });

export const notAForm = (): QuaterError =>
  new QuaterError({
    code: "unsupported_media_type",
    kind: "invalid_input",
    message: "The body must be a form: application/x-www-form-urlencoded",
  });

export const noSuchPage = (): QuaterError =>
  new QuaterError({ code: "route_not_found", kind: "invalid_input", message: "There is no such page here" });

export const methodNotAllowed = (allow: string): QuaterError =>
  new QuaterError({ code: "method_not_allowed", kind: "invalid_input", message: `This path takes ${allow}` });

export const notJson = (): QuaterError =>
  new QuaterError({
    code: "unsupported_media_type",
    kind: "invalid_input",
    message: "The body must be JSON: send Content-Type: application/json",
  });
