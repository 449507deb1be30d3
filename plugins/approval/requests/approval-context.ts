// The store, the trail and the notice functions that all files of the folder `requests` use. One transaction writes a change of
// an approval request and the event about the change.

import { createHash } from "node:crypto";
import { isQuaterError } from "../../../core/index.ts";
import type { Authorized, Log } from "../../../core/plugin-api.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import type { Audit, AuditEvent, Check, EventFields, EventType, FiledFields } from "../../audit/service.ts";
import { isStoreFailure, type OpenStore, type Statement, type Store } from "../../store/service.ts";
import { approvalUnavailable } from "../errors.ts";
import { type NoticeType, noticeOf, type Tell } from "../notices/index.ts";
import type { Policy } from "../policy.ts";
import { type ApprovalRecord, type Requester, requesterOf } from "../record.ts";
import { callKeyOf, type Digested } from "./digest.ts";
import type { RequestReader } from "./reading.ts";
import type { Secrecy } from "./secrecy.ts";

export interface ApprovalContextParts {
  readonly app: string;
  readonly store: Store;
  readonly audit: Audit;
  readonly reader: RequestReader;
  readonly secrecy: Secrecy;
  readonly log: Log;
  readonly tell: Tell;
  readonly urlOf: (id: string) => string | undefined;
  readonly maxPending: number;
  readonly maxFiledPerHour: number;
  readonly cooldownMs: number;
}

export class ApprovalContext {
  readonly parts: ApprovalContextParts;

  constructor(parts: ApprovalContextParts) {
    this.parts = parts;
  }

  async open(): Promise<OpenStore> {
    try {
      return await this.parts.store.open();
    } catch (error) {
      throw isQuaterError(error) ? error : approvalUnavailable(error);
    }
  }

  /**
   * Writes events and changes of approval requests in one transaction.
   *
   * @returns Whether the store committed the transaction. If the store did not commit the transaction, another process changed
   * the approval request first, so read the approval request again.
   * @throws {QuaterError} `audit_unavailable`; `approval_unavailable` if the store refuses a value of a row.
   */
  async write(
    events: readonly AuditEvent[],
    changes: (open: OpenStore) => readonly Statement[],
    check?: Check,
  ): Promise<boolean> {
    const { audit, log } = this.parts;
    const late = () =>
      log.warn("A change of an approval was saved after the caller had already received an error", idsOf(events));
    const receipt = await audit.commit(events, changes(await this.open()), late, check);
    if ("seq" in receipt) return true;
    const { refused } = receipt;
    if (isStoreFailure(refused) && refused.kind === "other") throw approvalUnavailable(refused);
    return false;
  }

  tell(type: NoticeType, record: Pick<ApprovalRecord, "id" | "app" | "handler" | "policyName">): void {
    const { tell, urlOf } = this.parts;
    tell(noticeOf(type, record, urlOf(record.id)));
  }
}

/**
 * Repeats `attempt` while another process changes the approval request first.
 *
 * @param most  The largest number of attempts.
 * @param attempt  Resolves to `undefined` if the attempt must be repeated.
 * @throws {QuaterError} `approval_unavailable` after the last attempt.
 */
export const retried = async <Result>(most: number, attempt: () => Promise<Result | undefined>): Promise<Result> => {
  for (let made = 0; made < most; made++) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw approvalUnavailable(new Error("Other processes kept changing the approval at the same time"));
};

const idsOf = (events: readonly AuditEvent[]) => ({ events: events.map(({ fields }) => `${fields.type} ${fields.approvalId}`) });

/** The values that are the same for all calls of one handler. */
export interface HandlerTerms {
  readonly policyName: string;
  readonly policy: Policy;
  readonly policyText: string;
  /** The digest of the handler's input schema. */
  readonly schema: string;
  /** Whether the input schema of the handler has `secret()` fields. */
  readonly hasSecrets: boolean;
}

/** A call that needs approval, with all values that people approve. */
export interface Asked extends HandlerTerms {
  readonly call: Authorized;
  readonly app: string;
  readonly requester: Requester;
  readonly requesterText: string;
  /**
   * The keys by which Quater finds approval requests for the call, one for each key in the key file. The first key is computed
   * with the current key of the key file.
   */
  readonly callKeys: readonly string[];
}

export const askedOf = (context: ApprovalContext, terms: HandlerTerms, call: Authorized): Asked => {
  const { app, audit } = context.parts;
  const requester = requesterOf(call.principal);
  const { handler, inputText: args, surface } = call;
  return {
    ...terms,
    call,
    app,
    requester,
    requesterText: canonicalText(requester),
    callKeys: callKeyOf((text) => audit.tagsOf(text), { app, handler, args, requester, surface, policy: terms.policy }),
  };
};

/** Returns the parts of a call that the digest covers, computed from the current values of the call. */
export const boundBy = (
  { app, call, schema, requester, policyName, policy }: Asked,
  more: Pick<Digested, "surface" | "preview" | "nonce">,
): Digested => ({ app, handler: call.handler, schema, args: call.inputText, requester, policyName, policy, ...more });

/**
 * Returns the key by which Quater counts the pending approval requests of a requester. All credentials of a principal have the
 * same key. The key is a digest, because PostgreSQL cannot index long texts.
 */
export const requesterKeyOf = ({ issuer, subject }: Requester): string =>
  createHash("sha256")
    .update(canonicalText([issuer, subject]))
    .digest("base64url");

/** Returns the fields of an event with the ids of a call. */
export const madeBy = ({ callId, traceId }: Authorized): Pick<EventFields, "callId" | "traceId"> =>
  traceId === undefined ? { callId } : { callId, traceId };

type ApprovalEvent = Extract<EventType, `approval.${string}`>;

/** Makes an event about an approval request from the row of the approval request. */
export const eventOf = (
  type: ApprovalEvent,
  { id, handler, surface, schema }: Pick<ApprovalRecord, "id" | "handler" | "surface" | "schema">,
  more: Partial<Omit<EventFields, "type">> = {},
): EventFields => ({ ...more, type, approvalId: id, handler, surface, schema });

/**
 * Makes an event about an approval request whose filing is on the trail. The event contains the values from the trail, because an
 * attacker may have changed the row of the approval request.
 */
export const provenEvent = (
  type: ApprovalEvent,
  id: string,
  filed: FiledFields,
  more: Partial<Omit<EventFields, "type">> = {},
): EventFields => ({ ...more, type, approvalId: id, ...filed });
