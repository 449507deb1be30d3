// Makes the service that audit offers to other plugins: service.ts defines the interface of the service.

import type { Store } from "../store/service.ts";
import type { Eraser } from "./erasing/subject.ts";
import type { Draft, Receipt } from "./log/entry.ts";
import { bodyText } from "./log/event.ts";
import type { KeyRing } from "./log/key-ring.ts";
import { derivedFrom } from "./log/keys.ts";
import { ProvenUses } from "./log/proven-uses.ts";
import type { Recorder } from "./log/recorder.ts";
import type { Redactor } from "./log/redact.ts";
import type { Refusals } from "./log/refusals.ts";
import type { Trail } from "./log/trail.ts";
import { unrecorded } from "./log/unrecorded.ts";
import type { Restorer } from "./restore/restored.ts";
import type { ApprovalEvidence, Audit, AuditEvent, Committed } from "./service.ts";
import type { Upkeep } from "./upkeep.ts";

export interface ServiceParts {
  readonly sinks: Audit["sinks"];
  readonly store: Store;
  readonly trail: Trail;
  readonly redactor: Redactor;
  readonly recorder: Recorder;
  readonly refusals: Refusals;
  readonly keys: KeyRing;
  readonly upkeep: Upkeep;
  /** The functions by which other plugins erase their own personal data. */
  readonly erasers: Eraser[];
  /** The functions by which other plugins correct their own rows after a restore of the store. */
  readonly restorers: Restorer[];
}

export const auditService = (parts: ServiceParts): Audit => {
  const { sinks, trail, redactor, recorder, refusals, keys, upkeep, erasers, restorers } = parts;
  const draftOf = ({ fields, body, timed }: AuditEvent): Draft => ({
    fields:
      timed === undefined
        ? fields
        : ({ at }) => ({ ...fields, detail: { ...(fields.detail as object | undefined), ...timed(at) } }),
    ...(body === undefined ? {} : { body: bodyText(body, (text) => redactor.ofText(text)) }),
  });
  return {
    sinks,
    commit: async (events, changes, onLate, check) => {
      const entry = { events: events.map(draftOf), changes, ...(check === undefined ? {} : { check }) };
      return committed(await trail.record(entry, onLate));
    },
    commitStart: async (callId, events, changes, start = {}) =>
      committed(await recorder.commitStart(callId, events.map(draftOf), changes, start)),
    evidence: evidenceOf(parts),
    whenCallLost: (changes) => void upkeep.lostCallChanges.push(changes),
    whenErasing: (eraser) => void erasers.push(eraser),
    whenRestored: (restorer) => void restorers.push(restorer),
    sweepLost: () => upkeep.sweepLost(),
    refused: (fields) => refusals.refused({ ...fields, type: "call.refused", outcome: "refused" }),
    tagOf: (value) => redactor.tagOf(value),
    tagsOf: (value) => redactor.tagsOf(value),
    storable: (schema, value) => redactor.storable(schema, value),
    deriveSecret: (label) => derivedFrom(keys.current.tag.secret, label),
    deriveSecrets: (label) => keys.current.tags.map(({ secret }) => derivedFrom(secret, label)),
  };
};

const committed = (receipt: Receipt): Committed => ("seq" in receipt ? receipt : { refused: receipt.refusal });

const evidenceOf = ({ store, trail, keys }: ServiceParts): ApprovalEvidence => {
  const uses = new ProvenUses(() => store.open(), keys);
  return {
    standingOf: (approvalId) => trail.standingOf(approvalId),
    filingOf: async (approvalId, callId) => {
      const { filingOf } = await import("./log/filing.ts");
      return readable(store.open().then((opened) => filingOf(opened, keys.current, approvalId, callId)));
    },
    knownUses: () => readable(uses.known()),
    proofOfUse: (approvalId, callId) => readable(uses.proofOf(approvalId, callId)),
    erasedRequests: () => readable(uses.erased()),
  };
};

/**
 * Converts a failed read of the trail to the error that other plugins get. @throws {QuaterError} `audit_unavailable` when Quater
 * cannot read the trail. read.
 */
const readable = <Value>(reading: Promise<Value>): Promise<Value> =>
  reading.catch((error: unknown) => Promise.reject(unrecorded(error)));
