// Makes the events of calls. This file decides how much of a call's arguments and result the events contain.

import type { QuaterError } from "../../../core/index.ts";
import type { Approved, Arrival, Operation, Outcome } from "../../../core/plugin-api.ts";
import { contentBytesMark } from "../../../core/schema/content.ts";
import { digestOfText, schemaDigestOf } from "../../../core/schema/digest.ts";
import { withoutMarked } from "../../../core/schema/schema.ts";
import { bodyText, type EndedAs, type EventFields, jsonText, plainJson, whoOf } from "./event.ts";
import type { AuditLevel } from "./level.ts";
import type { Redactor } from "./redact.ts";

/** The arguments of a call, in the form in which the events of the call contain the arguments. */
export interface Arguments {
  readonly argsTag: string | undefined;
  /** The body of the first event of the call; `undefined` if the level of the exposure is below `request`. */
  readonly body: string | undefined;
}

/** The fields and the body of one event. */
export interface CallEvent {
  readonly fields: EventFields;
  readonly body: string | undefined;
}

/** Makes the events of the calls of one handler. */
export class CallEvents {
  readonly #operation: Operation;
  readonly #redactor: Redactor;
  readonly #level: AuditLevel;
  readonly #schema: string;

  constructor(operation: Operation, level: AuditLevel, redactor: Redactor) {
    this.#operation = operation;
    this.#redactor = redactor;
    this.#level = level;
    this.#schema = schemaDigestOf(operation);
  }

  /** Returns the fields that every event of a call has. */
  about(call: Arrival): Omit<EventFields, "type"> {
    return { ...aboutCall(call), schema: this.#schema };
  }

  argumentsOf({ input }: Approved): Arguments {
    const argsTag = this.#redactor.ofText(jsonText(input));
    if (this.#level !== "request" && this.#level !== "response") return { argsTag, body: undefined };
    return { argsTag, body: this.#body({ args: this.#redactor.storable(this.#operation.input, input) }) };
  }

  /** Makes the event `call.started`, with the arguments of the call. */
  started(call: Approved, { argsTag, body }: Arguments): CallEvent {
    return { fields: withTag({ ...this.about(call), type: "call.started" }, argsTag), body };
  }

  /** Makes the event `call.ended`. `call.ended` contains the result of the call if the exposure has the level `response`. */
  ended(call: Arrival, outcome: Outcome, { argsTag }: Arguments): CallEvent {
    const fields: EventFields = {
      ...this.about(call),
      type: "call.ended",
      durationMs: Math.max(0, Date.now() - call.startedAt),
      outcome: outcome.ok ? "succeeded" : endedAs(outcome.error),
      ...(outcome.ok ? {} : { errorCode: outcome.error.code }),
    };
    if (!outcome.ok || this.#level !== "response" || outcome.value === undefined)
      return { fields: withTag(fields, argsTag), body: undefined };
    const result = withoutContent(this.#operation.output, plainJson(outcome.value));
    const resultTag = this.#redactor.ofText(jsonText(result));
    return {
      fields: { ...withTag(fields, argsTag), resultTag },
      body: this.#body({ result: this.#redactor.storable(this.#operation.output, result) }),
    };
  }

  /** Makes the only event of a read. This event contains the arguments and the result of the read. */
  read(call: Arrival, outcome: Outcome, args: Arguments): CallEvent {
    const { fields, body } = this.ended(call, outcome, args);
    return { fields, body: merged(args.body, body) };
  }

  #body(content: Readonly<Record<string, unknown>>): string {
    return bodyText(content, (text) => this.#redactor.ofText(text));
  }
}

/** Replaces content, such as the text of a resource, by the length and the SHA-256 of the content. */
const withoutContent = (output: unknown, result: unknown): unknown =>
  withoutMarked(output, result, contentBytesMark, (content) =>
    typeof content === "string" ? { bytes: Buffer.byteLength(content), digest: digestOfText(content) } : content,
  );

/** Returns the fields that every event of a call has. A call may name an unknown handler. */
export const aboutCall = (call: Arrival): Omit<EventFields, "type"> => ({
  callId: call.callId,
  surface: call.surface,
  ...(call.handler === undefined ? {} : { handler: call.handler }),
  ...(call.principal === undefined ? {} : { principal: whoOf(call.principal) }),
  ...(call.peer === undefined ? {} : { peer: call.peer }),
  ...(call.traceId === undefined ? {} : { traceId: call.traceId }),
  ...(call.isDryRun ? { dryRun: true as const } : {}),
  ...(call.isRemote === true ? { remote: true as const } : {}),
});

const withTag = (fields: EventFields, argsTag: string | undefined): EventFields =>
  argsTag === undefined ? fields : { ...fields, argsTag };

const endedAs = ({ code, kind }: QuaterError): EndedAs => {
  // Record `succeeded`, because the handler ran to its end and its changes are stored, although the surface could not send the
  // result.
  if (code === "output_undelivered") return "succeeded";
  return kind === "outcome_unknown" ? "unknown" : kind === "cancelled" ? "cancelled" : "failed";
};

/** Returns one JSON text of an object that contains the members of both given objects. */
const merged = (args: string | undefined, result: string | undefined): string | undefined =>
  args === undefined || result === undefined ? (args ?? result) : `${args.slice(0, -1)},${result.slice(1)}`;
