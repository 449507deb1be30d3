// Records refused calls. In each time window, each of the first refusals of a principal with one error code becomes an event.
// Further refusals in the time window become one event with a count, so that refused calls cannot fill the disk.

import type { QuaterError } from "../../../core/index.ts";
import type { Arrival } from "../../../core/plugin-api.ts";
import type { EventFields } from "./event.ts";

const windowMs = 10_000;
/** The most refusals per time window, principal and error code that get their own event. */
const single = 10;
/** The time in which Quater records only one refusal without a principal for each reason, milliseconds. */
const sampleMs = 1_000;
/** The most counts of refusals in memory. If there are more counts, Quater writes the event of the oldest count. */
const most = 1_000;

interface Run {
  readonly startedAt: number;
  written: number;
  count: number;
  first: number;
  last: number;
  fields: EventFields;
}

export class Refusals {
  readonly #note: (fields: EventFields) => void;
  readonly #runs = new Map<string, Run>();

  constructor(note: (fields: EventFields) => void) {
    this.#note = note;
  }

  /** Records a refused call of a caller whose credential was accepted. */
  refused(fields: EventFields): void {
    const { principal, errorCode, policy } = fields;
    const who = principal === undefined ? "" : `${principal.issuer}\n${principal.subject}\n${principal.credential}`;
    this.#add(`call\n${who}\n${errorCode}\n${policy}`, fields, windowMs, single);
  }

  /** Records a call whose credential was refused. */
  unknown({ callId, surface, handler, peer, traceId, isRemote }: Arrival, error: QuaterError): void {
    const fields = {
      type: "credential.failed" as const,
      callId,
      surface,
      errorCode: error.code,
      outcome: "refused" as const,
      ...(handler === undefined ? {} : { handler }),
      ...(peer === undefined ? {} : { peer }),
      ...(isRemote === true ? { remote: true as const } : {}),
      ...(traceId === undefined ? {} : { traceId }),
    };
    this.#add(`door\n${surface}\n${error.code}`, fields, sampleMs, 1);
  }

  /** Writes the events with the counts of refusals for time windows that have ended. */
  sweep(now = Date.now()): void {
    for (const [key, run] of this.#runs) {
      const lengthMs = key.startsWith("door") ? sampleMs : windowMs;
      if (now - run.startedAt >= lengthMs) this.#close(key, run);
    }
  }

  /** Writes the events with all counts of refusals. Call this function when the process stops. */
  flush(): void {
    for (const [key, run] of this.#runs) this.#close(key, run);
  }

  #add(key: string, fields: EventFields, lengthMs: number, singles: number): void {
    const now = Date.now();
    const before = this.#runs.get(key);
    if (before !== undefined && now - before.startedAt >= lengthMs) this.#close(key, before);
    const run = this.#runs.get(key) ?? this.#begin(key, fields, now);
    if (run.written < singles) {
      run.written++;
      this.#note(fields);
      return;
    }
    if (run.count === 0) run.first = now;
    run.count++;
    run.last = now;
    run.fields = fields;
  }

  #begin(key: string, fields: EventFields, now: number): Run {
    const oldest = this.#runs.size >= most ? this.#runs.entries().next().value : undefined;
    if (oldest !== undefined) this.#close(...oldest);
    const run = { startedAt: now, written: 0, count: 0, first: now, last: now, fields };
    this.#runs.set(key, run);
    return run;
  }

  /** Writes an event with the number of refusals in a time window. This event has the call id of the last refusal. */
  #close(key: string, { fields, count, first, last }: Run): void {
    this.#runs.delete(key);
    if (count > 0) this.#note({ ...fields, count, first, last });
  }
}
