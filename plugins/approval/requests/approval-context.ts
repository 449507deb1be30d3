// What every part of the plugin stands on: the store to read, the trail to write through, whom to tell. Changes of state
// and the events that tell of them go in one transaction, or neither does.

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
   * @returns Whether it was written; otherwise somebody else was faster, and what was known is to be read again.
   * @throws {QuaterError} `audit_unavailable`; `approval_unavailable` for what the store does not take.
   */
  async write(
    events: readonly AuditEvent[],
    changes: (open: OpenStore) => readonly Statement[],
    check?: Check,
  ): Promise<boolean> {
    const { audit, log } = this.parts;
    const late = () => log.warn("A change of an approval was committed after it had been given up", idsOf(events));
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

const idsOf = (events: readonly AuditEvent[]) => ({ events: events.map(({ fields }) => `${fields.type} ${fields.approvalId}`) });

/** What is the same for every call of one handler. */
export interface HandlerTerms {
  readonly policyName: string;
  readonly policy: Policy;
  readonly policyText: string;
  /** Digest of the input schema. */
  readonly schema: string;
  /** Some of the arguments are secret() fields. */
  readonly hasSecrets: boolean;
}

/** A call that needs approval, as far as people agree to it. */
export interface Asked extends HandlerTerms {
  readonly call: Authorized;
  readonly app: string;
  readonly requester: Requester;
  readonly requesterText: string;
  /** What the call's requests are found by, with every key in the key file. The first is the current one. */
  readonly callKeys: readonly string[];
}

export const askedOf = (context: ApprovalContext, plan: HandlerTerms, call: Authorized): Asked => {
  const { app, audit } = context.parts;
  const requester = requesterOf(call.principal);
  const { handler, inputText: args, surface } = call;
  return {
    ...plan,
    call,
    app,
    requester,
    requesterText: canonicalText(requester),
    callKeys: callKeyOf((text) => audit.tagsOf(text), { app, handler, args, requester, surface, policy: plan.policy }),
  };
};

/** What people are asked about, of the call as it is now. */
export const boundBy = (
  { app, call, schema, requester, policyName, policy }: Asked,
  more: Pick<Digested, "surface" | "preview" | "nonce">,
): Digested => ({ app, handler: call.handler, schema, args: call.inputText, requester, policyName, policy, ...more });

/**
 * The key by which pending requests are counted: one for all credentials of a principal. A digest, because PostgreSQL does not index
 * long texts.
 */
export const requesterKeyOf = ({ issuer, subject }: Requester): string =>
  createHash("sha256")
    .update(canonicalText([issuer, subject]))
    .digest("base64url");

/** Which call it was, for its event. */
export const madeBy = ({ callId, traceId }: Authorized): Pick<EventFields, "callId" | "traceId"> =>
  traceId === undefined ? { callId } : { callId, traceId };

type ApprovalEvent = Extract<EventType, `approval.${string}`>;

/** An event of a request's life. */
export const eventOf = (
  type: ApprovalEvent,
  { id, handler, surface, schema }: Pick<ApprovalRecord, "id" | "handler" | "surface" | "schema">,
  more: Partial<Omit<EventFields, "type">> = {},
): EventFields => ({ ...more, type, approvalId: id, handler, surface, schema });

/** An event of a request that is on the trail. What it repeats is taken from there, because the row may say anything. */
export const provenEvent = (
  type: ApprovalEvent,
  id: string,
  filed: FiledFields,
  more: Partial<Omit<EventFields, "type">> = {},
): EventFields => ({ ...more, type, approvalId: id, ...filed });
