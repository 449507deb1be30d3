// The texts about approvals for models. A model must understand that the handler did not run, that a yes in its conversation is not an
// approval, and what to do next.

import type { QuaterError } from "../../core/index.ts";

type Details = Readonly<Record<string, unknown>>;

const approvalOf = (error: QuaterError): Details => Object(error.details?.["approval"]) as Details;

const textIn = (details: Details, name: string): string | undefined => {
  const value = details[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** Returns the text for `approval_required`. */
export const howToGetApproval = (error: QuaterError): string => {
  const details = approvalOf(error);
  const url = textIn(details, "url");
  const id = textIn(details, "id");
  const expiresAt = textIn(details, "expiresAt");
  const command = id === undefined ? undefined : `with the command: quater approvals approve ${id}`;
  const where = url === undefined ? command : `at ${url}`;
  return [
    details["earlier"] === undefined ? "Nothing has been done yet." : "This call has not run.",
    `A human must approve this exact call${id === undefined ? "" : ` (approval ${id})`}${where === undefined ? "" : ` ${where}`}.`,
    "Tell the user so, and do not ask for the approval in this conversation: a yes here does not count.",
    "Once it is approved, repeat this call unchanged; any other argument needs another approval.",
    ...(expiresAt === undefined ? [] : [`It can be approved until ${expiresAt}.`]),
  ].join(" ");
};

const askAnew = "Nothing has been done. Repeat the call without an approval id to ask anew.";

const adviceOf: Readonly<Record<string, (error: QuaterError) => string>> = {
  approval_denied: () =>
    "A human said no. Nothing has been done. Do not repeat the call and do not look for another way to the same effect; " +
    "tell the user.",
  approval_used: (error) => {
    const used = Object(approvalOf(error)["usedBy"]) as Details;
    const callId = textIn(used, "callId");
    const outcome = textIn(used, "outcome");
    const which = callId === undefined ? "" : `, as call ${callId}`;
    const ended = outcome === undefined ? "" : `, with the outcome ${outcome}`;
    return `The approved call has run already${which}${ended}. Do not repeat it; doing it once more needs another approval, without this id.`;
  },
  approval_mismatch: () =>
    "That approval is for a call with other arguments and still stands. Nothing has been done. Repeat exactly the call that " +
    "was approved, or leave the id out to ask for this one.",
  approval_expired: () => askAnew,
  approval_cancelled: () => askAnew,
  approval_revoked: () => `It was taken back. ${askAnew}`,
  approval_stale: () =>
    "What the human agreed to is no longer what would happen. Nothing has been done. Look at the changes, then repeat the " +
    "call to ask anew.",
  approval_unproven: () =>
    "The server has a record of this approval but no proof that people gave it. Nothing has been done. Tell the user, because " +
    "somebody may have changed the server's store. Repeat the call without an approval id to ask anew.",
  approval_policy_changed: () => askAnew,
  approval_schema_changed: () => askAnew,
  approval_not_found: () => `You have no approval of that id for this call. ${askAnew}`,
  approval_backlog: () =>
    "Too many of your requests wait for people. Nothing has been done. Wait until some are decided; do not send more.",
  approval_filing_limit: () =>
    "Too many requests for approval were filed for this person within an hour. Nothing has been done. Wait; do not send more.",
};

/** Returns the next step for codes about approval; `undefined` for other codes. */
export const approvalAdvice = (error: QuaterError): string | undefined =>
  Object.hasOwn(adviceOf, error.code) ? adviceOf[error.code]?.(error) : undefined;
