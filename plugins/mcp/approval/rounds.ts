// Asks clients of revision 2026-07-28 to show the approvals page for a call to their users. In this case, the answer to the call
// is not an error but the result `input_required` with a URL. The client then repeats the call with the answer of its user.
//
// If the user accepts the question, this means only that the user opens the approvals page. Only the gate decides whether the
// repeated call runs. Clients that cannot show a URL to their user get a tool error instead of the question. An implementation of
// MCP's tasks extension would be another way to answer a call that needs approval, beside `ask`.

import { QuaterError } from "../../../core/index.ts";
import { isPrivateUrl } from "../../../core/model/loopback.ts";
import type { Gate } from "../../../core/plugin-api.ts";
import type { Approvals, OwnStatus } from "../../offered.ts";
import { failureResult } from "../answering/outcome.ts";
import type { Results } from "../protocol/answers.ts";
import { metaKeys } from "../protocol/era.ts";
import { ApprovalHold, type Held, type HeldCaller } from "./hold.ts";
import { RequestStates, type State, type StatedCall } from "./state.ts";
import { afterDeclined, mustBeApproved, questionAbout } from "./texts.ts";

/**
 * How often Quater asks a client for the same call. After the last question, Quater answers the call with the tool error, so that
 * the agent continues.
 */
const mostRounds = 3;
/** The name of the question in `inputRequests`, and of the answer in `inputResponses`. */
const questionKey = "approval";
/** The label of the key that signs each `requestState`. */
export const stateLabel = "mcp.approval";

type Params = Readonly<Record<string, unknown>>;

interface RoundsParts {
  readonly gate: Gate;
  readonly approvals: Pick<Approvals, "untilDecided">;
  /** Returns the keys that the plugin audit derives for a label. */
  readonly secretsOf: (label: string) => readonly Buffer[];
  /** The longest time that a repeated call waits for the decision of the approvers, milliseconds. */
  readonly holdMs: number;
  readonly results: Results;
}

/** A call that the client repeats. */
export interface Resumed extends State {
  /** The answer of the user to the question; `undefined` if the client sent no answer. */
  readonly action: "accept" | "decline" | "cancel" | undefined;
}

export interface Waited extends Held {
  /** The MCP result of the call as JSON text, if the call must not go to the gate. */
  readonly result?: string;
}

export class ApprovalRounds {
  readonly #gate: Gate;
  readonly #hold: ApprovalHold;
  readonly #states: RequestStates;
  readonly #results: Results;

  constructor({ gate, approvals, secretsOf, holdMs, results }: RoundsParts) {
    this.#results = results;
    this.#gate = gate;
    this.#hold = new ApprovalHold(gate, approvals, holdMs);
    this.#states = new RequestStates(() => secretsOf(stateLabel));
  }

  /**
   * @returns The repeated call; `undefined` if the `requestState` does not belong to this call of this caller, or the answer of
   * the user is malformed.
   */
  resumed({ requestState, inputResponses = {} }: Params, call: StatedCall): Resumed | undefined {
    const state = this.#states.read(requestState, call);
    const answer = isObject(inputResponses) ? (inputResponses[questionKey] ?? { action: undefined }) : undefined;
    if (state === undefined || !isObject(answer)) return undefined;
    const { action } = answer;
    const isKnown = action === undefined || action === "accept" || action === "decline" || action === "cancel";
    return isKnown ? { ...state, action } : undefined;
  }

  /**
   * Waits for the decision of the approvers about a call that the client repeats.
   *
   * @throws {QuaterError} when the credential of the caller is no longer accepted.
   */
  async wait(resumed: Resumed, call: StatedCall, caller: HeldCaller & { readonly callId: string }): Promise<Waited> {
    const { action, approvalId } = resumed;
    if (action === undefined) return caller;
    if (action !== "accept") return this.#declined(resumed, caller);
    const held = await this.#hold.until(approvalId, caller);
    if (!this.#gate.isStopping || held.status === undefined) return held;
    const result = this.#question({ ...held.status, id: approvalId }, mustBeApproved(approvalId), resumed.round, call, caller);
    return { ...held, ...(result === undefined ? {} : { result }) };
  }

  /**
   * Handles a repeated call whose user did not accept the question. Such a call must not run, even if the approvers have approved
   * the call.
   */
  async #declined({ approvalId, action }: Resumed, caller: HeldCaller & { readonly callId: string }): Promise<Waited> {
    const held = await this.#hold.look(approvalId, caller);
    const { status, url, expiresAt } = held.status ?? unknownStatus;
    // All states of an approval request except `pending` and `approved` are final, so the gate answers without running the call.
    if (held.status !== undefined && status !== "pending" && status !== "approved") return held;
    const did = action === "decline" ? "declined to open" : "did not open";
    const state =
      status === undefined ? "" : `. The approval request ${approvalId} is ${status === "pending" ? "still " : ""}${status}`;
    const error = new QuaterError({
      code: "approval_required",
      kind: "approval_required",
      message: `The call did not run, because the user ${did} the approvals page${state}`,
      details: { approval: { id: approvalId, status, url, expiresAt } },
    });
    return { ...held, result: this.#results.modern(failureResult(error, caller.callId, afterDeclined(url))) };
  }

  /**
   * Returns the MCP result that asks the client to show the approvals page, as JSON text; `undefined` if Quater answers with the
   * tool error instead.
   *
   * @param resumed  The call that the client repeats; `undefined` if the client makes the call for the first time.
   */
  ask(
    { code, message, details }: QuaterError,
    resumed: Resumed | undefined,
    params: Params,
    call: StatedCall,
    caller: { readonly callId: string },
  ): string | undefined {
    const round = (resumed?.round ?? 0) + 1;
    if (code !== "approval_required" || round > mostRounds || !showsUrls(params)) return undefined;
    return this.#question(Object(details?.["approval"]) as Asked, message, round, call, caller);
  }

  #question(approval: Asked, sentence: string, round: number, call: StatedCall, { callId }: { readonly callId: string }) {
    const { id, url } = approval;
    if (id === undefined || url === undefined || !mayBeShown(url)) return undefined;
    const requestState = this.#states.issue({ approvalId: id, round }, call);
    if (requestState === undefined) return undefined;
    const question = { mode: "url", message: questionAbout(call.handler, sentence), url };
    const result = {
      _meta: { "quater/callId": callId, "quater/approval": approval },
      inputRequests: { [questionKey]: { method: "elicitation/create", params: question } },
      requestState,
    };
    return this.#results.modern(JSON.stringify(result), "input_required");
  }

  stop(): Promise<void> {
    return this.#hold.stop();
  }
}

type Asked = Readonly<{ id?: string; url?: string }> & Partial<OwnStatus>;

const unknownStatus: Partial<OwnStatus> = {};

const isObject = (value: unknown): value is Params => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * Whether the client declares that the client can show URLs to its user. The declaration `elicitation: {}` includes only forms.
 */
const showsUrls = ({ _meta: meta }: Params): boolean => {
  const capabilities = Object(Object(meta)[metaKeys.capabilities]) as Params;
  const { elicitation } = capabilities;
  return isObject(elicitation) && isObject(elicitation["url"]);
};

/** Whether MCP allows clients to show a URL, because the URL begins with `https:` or belongs to this computer. */
export const mayBeShown = (url: string): boolean => URL.canParse(url) && isPrivateUrl(new URL(url));
