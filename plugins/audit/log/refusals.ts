// Records refused calls. Each of the first refusals of a principal with one error code becomes an event. More refusals in the
// same time window become one event with a count, so that refused calls cannot fill the disk.

import type { QuaterError } from "../../../core/index.ts";
import type { Arrival } from "../../../core/plugin-api.ts";
import type { EventFields } from "./event.ts";

const windowMs = 10_000;
/** The most single events per time window, principal and error code. */
const single = 10;
/** Refusals without a principal are recorded once in this time per reason, milliseconds. */
const sampleMs = 1_000;
/** The most kinds of refusals that are counted at the same time. If there are more kinds, the oldest count is written. */
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

  /** Records a refused call whose caller is known. */
  refused(fields: EventFields): void {
    const { principal, errorCode, policy } = fields;
    const who = principal === undefined ? "" : `${principal.issuer}\n${principal.subject}\n${principal.credential}`;
    this.#add(`call\n${who}\n${errorCode}\n${policy}`, fields, windowMs, single);
  }

  /** Records a caller whose credential was refused. */
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

  /** Writes the counts of time windows that have ended. */
  sweep(now = Date.now()): void {
    for (const [key, run] of this.#runs) {
      const lengthMs = key.startsWith("door") ? sampleMs : windowMs;
      if (now - run.startedAt >= lengthMs) this.#close(key, run);
    }
  }

  /** Writes all counts. Call this function when the process stops. */
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

  /** Writes an event with the number of refusals in a time window. The event has the call id of the last refusal. */
  #close(key: string, { fields, count, first, last }: Run): void {
    this.#runs.delete(key);
    if (count > 0) this.#note({ ...fields, count, first, last });
  }
}
