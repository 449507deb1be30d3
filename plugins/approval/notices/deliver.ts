// Sends notices about approval requests. No call waits for a notice, or fails because of a notice. If Quater cannot deliver a
// notice, Quater logs the failure.

import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../../core/plugin-api.ts";
import { type Notice, type Notify, type NotifyOption, type Tell, targetsOf } from "./notice.ts";
import { type Deliver, deliverTo, type Patience, usualPatience } from "./webhook.ts";

export interface Teller {
  readonly tell: Tell;
  /** Waits a short time for the notices that Quater is sending. Callers may call `stop` twice. */
  readonly stop: () => Promise<void>;
}

/**
 * The most undelivered notices in memory. If there are more notices, the receiver is probably down, and Quater drops further
 * notices.
 */
const mostPending = 1_000;
const drainMs = 1_000;

export const tellerOf = (notify: NotifyOption | undefined, log: Log, patience: Patience = usualPatience): Teller => {
  const deliveries = targetsOf(notify).map((target) =>
    typeof target === "function" ? calling(target, log) : deliverTo(target, log, patience),
  );
  const stopping = new AbortController();
  const pending = new Set<Promise<void>>();
  const send = (deliver: Deliver, notice: Notice): void => {
    if (pending.size >= mostPending) {
      log.warn("A notice about an approval was dropped, because too many notices wait to be sent", {
        type: notice.type,
        approvalId: notice.id,
      });
      return;
    }
    const sending = deliver(notice, stopping.signal);
    pending.add(sending);
    void sending.then(() => pending.delete(sending));
  };
  return {
    tell: (notice) => {
      for (const deliver of deliveries) send(deliver, notice);
    },
    stop: async () => {
      if (pending.size > 0) await Promise.race([Promise.all(pending), pause(drainMs, undefined, { ref: false })]);
      stopping.abort();
      // Aborted webhooks log their failure immediately. A function in the option `notify` may never end, so `stop` waits only for
      // a short time.
      await Promise.race([Promise.all(pending), pause(drainMs / 10, undefined, { ref: false })]);
    },
  };
};

const calling =
  (notify: Notify, log: Log): Deliver =>
  async (notice) => {
    try {
      await notify(notice);
    } catch (error) {
      log.warn("A notice about an approval could not be delivered", {
        type: notice.type,
        approvalId: notice.id,
        to: "a function",
        // A function in the option `notify` can throw any value, also a value that JavaScript cannot convert to text.
        reason: error instanceof Error ? String(error) : typeof error,
      });
    }
  };
