// The texts about approvals for models. A model must understand that the handler did not run, that the word "yes" in a
// conversation is not an approval, and what the next step is.

import type { QuaterError } from "../../../core/index.ts";

type Details = Readonly<Record<string, unknown>>;

const approvalOf = (error: QuaterError): Details => Object(error.details?.["approval"]) as Details;

const textIn = (details: Details, name: string): string | undefined => {
  const value = details[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};

const repeated =
  "This repetition has not run. If the earlier call did what the user wants, report its outcome and do not repeat the call.";

const isRepeat = (details: Details): boolean => textIn(Object(details["earlier"]) as Details, "match") === "identical";

/** Returns the text for models that explains the error `approval_required`. */
export const howToGetApproval = (error: QuaterError): string => {
  const details = approvalOf(error);
  const url = textIn(details, "url");
  const id = textIn(details, "id");
  const expiresAt = textIn(details, "expiresAt");
  const command = id === undefined ? undefined : `with the command: quater approvals approve ${id}`;
  const where = url === undefined ? command : `at ${url}`;
  return [
    isRepeat(details) ? repeated : details["earlier"] === undefined ? "Nothing has been done yet." : "This call has not run.",
    `A human must approve this exact call${id === undefined ? "" : ` (approval ${id})`}${where === undefined ? "" : ` ${where}`}.`,
    "Tell the user that the approval is needed. Do not ask for the approval in this conversation, because an answer in the conversation does not count as approval.",
    "After the approval, repeat this call with the same arguments. A call with other arguments needs another approval.",
    ...(expiresAt === undefined ? [] : [`People can approve the call until ${expiresAt}.`]),
  ].join(" ");
};

/**
 * Returns the question to the person who uses the agent. The question is whether to open the approvals page.
 *
 * @param sentence  The sentence that people must approve the call, without a full stop.
 */
export const questionAbout = (tool: string, sentence: string): string =>
  `An agent calls the tool ${tool}. ${sentence}. Open the page to see the call, and who can approve it. If you open the page, the ` +
  "call is not approved yet: people decide on the page.";

/** Returns the first sentence of the question if Quater knows only the id of the approval request. */
export const mustBeApproved = (id: string): string =>
  `People must approve this exact call before it runs. The approval request ${id} is pending`;

/**
 * Returns the text for models about a call whose user did not want to open the approvals page.
 *
 * @param url  The URL of the approvals page.
 */
export const afterDeclined = (url: string | undefined): string =>
  `People can still decide the request${url === undefined ? "" : ` at ${url}`}. Do not repeat the call unless the user asks for it.`;

/** The text that follows the text for `approval_required` if Quater did not wait for the decision of the approvers. */
export const notHeld =
  "The server did not wait for the approval, because too many calls of this caller wait already. Repeat the call later.";

const askAnew = "The call did not run. Repeat the call without an approval id to make a new approval request.";

const adviceOf: Readonly<Record<string, (error: QuaterError) => string>> = {
  approval_denied: () =>
    "A human denied this call, so the call did not run. Do not repeat the call, and do not try to get the same effect in another " +
    "way. Tell the user.",
  approval_used: (error) => {
    const used = Object(approvalOf(error)["usedBy"]) as Details;
    const callId = textIn(used, "callId");
    const outcome = textIn(used, "outcome");
    const endedAt = textIn(used, "endedAt");
    const which = callId === undefined ? "" : `, as call ${callId}`;
    const ended = outcome === undefined ? "" : `, with the outcome ${outcome}${endedAt === undefined ? "" : ` at ${endedAt}`}`;
    return `The approved call has already run${which}${ended}. Do not repeat the call. To run the call once more, send it without an approval id to request another approval.`;
  },
  approval_mismatch: (error) => {
    const status = textIn(approvalOf(error), "status");
    const first =
      status === "approved"
        ? "Repeat exactly the call that was approved"
        : status === "consumed"
          ? "Do not repeat the call that used the approval. Send the approval id that belongs to this call"
          : "Send the approval id that belongs to this call";
    return `This call did not run. ${first}, or send this call without an approval id to make a new approval request.`;
  },
  approval_expired: () => askAnew,
  approval_cancelled: () => askAnew,
  approval_revoked: () => `An approver revoked the approval. ${askAnew}`,
  approval_stale: () =>
    "The preview of the call has changed since a human approved the call. The call did not run. Check the changed parts, then repeat the " +
    "call without an approval id to make a new approval request.",
  approval_unproven: () =>
    "The server has a record of this approval, but no proof that people approved the call. The call did not run. Tell the user, because " +
    "somebody may have changed the server's store. Repeat the call without an approval id to make a new approval request.",
  approval_policy_changed: () => askAnew,
  approval_schema_changed: () => askAnew,
  approval_not_found: () => `The approval with this id does not exist, or it belongs to another caller. ${askAnew}`,
  approval_backlog: () =>
    "Too many of your approval requests are pending. The call did not run. Wait until approvers have decided some of these requests.",
  approval_filing_limit: () =>
    "Too many approval requests were made for this person within one hour. The call did not run. Wait, then repeat the call.",
};

/** Returns the next step for the model for error codes about approvals; `undefined` for other error codes. */
export const approvalAdvice = (error: QuaterError): string | undefined =>
  Object.hasOwn(adviceOf, error.code) ? adviceOf[error.code]?.(error) : undefined;
