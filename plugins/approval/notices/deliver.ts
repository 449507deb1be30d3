// Sends notices about requests. No call waits for a notice, or fails because of a notice. A notice that cannot be delivered is
// logged.

import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../../core/plugin-api.ts";
import { type Notice, type Notify, type NotifyOption, type Tell, targetsOf } from "./notice.ts";
import { type Deliver, deliverTo, type Patience, usualPatience } from "./webhook.ts";

export interface Teller {
  readonly tell: Tell;
  /** Waits a short time for notices that are being sent. Safe to call twice. */
  readonly stop: () => Promise<void>;
}

/** The most undelivered notices in memory. If there are more, the receiver is probably down, and further notices are dropped. */
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
      // Aborted webhooks log their failure immediately. Do not wait for a notify function that never ends.
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
        // A function can throw any value, also a value that cannot be converted to text.
        reason: error instanceof Error ? String(error) : typeof error,
      });
    }
  };
