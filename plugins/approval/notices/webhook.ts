// Sends one signed notice to one webhook. webhook.ts makes a few attempts, and does not follow redirects.

import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../../core/plugin-api.ts";
import type { Notice, Webhook } from "./notice.ts";
import { signatureOf, signingKeyOf } from "./sign.ts";

export interface Patience {
  /**
   * The pauses between the attempts to deliver a notice, milliseconds. The number of attempts is the number of pauses plus one.
   */
  readonly pausesMs: readonly number[];
  /** The longest time that one attempt may take, milliseconds. */
  readonly timeoutMs: number;
}

/** Five attempts within about a minute, so that the receiver of the notice can restart in the meantime. */
export const usualPatience: Patience = { pausesMs: [1_000, 4_000, 12_000, 30_000], timeoutMs: 10_000 };

export type Deliver = (notice: Notice, signal: AbortSignal) => Promise<void>;

/**
 * @returns A function that resolves when the webhook has received the notice, or after the last attempt. The function never
 * rejects. The function logs a failure.
 */
export const deliverTo = ({ webhook }: Webhook, log: Log, { pausesMs, timeoutMs }: Patience): Deliver => {
  const key = signingKeyOf(webhook.secret) ?? Buffer.alloc(0); // Boot refuses a malformed secret, so the empty key is never used.
  // The log contains only the origin of the webhook's URL, because the path of some webhook URLs is a secret.
  const to = new URL(webhook.url).origin;
  const attempt = async (id: string, body: string, signal: AbortSignal): Promise<string | undefined> => {
    const seconds = Math.floor(Date.now() / 1000);
    try {
      const response = await fetch(webhook.url, {
        method: "POST",
        redirect: "manual", // Do not follow redirects, so that only the URL in the manifest gets a notice.
        headers: {
          "content-type": "application/json",
          "user-agent": "quater",
          "webhook-id": id,
          "webhook-timestamp": String(seconds),
          "webhook-signature": signatureOf(key, id, seconds, body),
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.body?.cancel();
      return response.status >= 200 && response.status < 300
        ? undefined
        : `the receiver answered with the status ${response.status}`;
    } catch (error) {
      return error instanceof Error ? String(error.cause ?? error.message) : String(error);
    }
  };
  return async (notice, signal) => {
    const { type, ...data } = notice;
    const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data });
    // The id of the message is the same for each attempt, so that the receiver can ignore repetitions. The id contains no full
    // stop, because full stops separate the signed parts of the message.
    const id = `${notice.id}_${type.replace("approval.", "")}`;
    let failure: string | undefined;
    for (const pauseMs of [0, ...pausesMs]) {
      if (pauseMs > 0) await pause(pauseMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) break;
      failure = await attempt(id, body, signal);
      if (failure === undefined) return;
    }
    log.warn("A notice about an approval could not be delivered", {
      type,
      approvalId: notice.id,
      to,
      reason: signal.aborted ? "the process stopped" : failure,
    });
  };
};
