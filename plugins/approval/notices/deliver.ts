// Telling others of requests: nothing waits for it, nothing fails because of it, and what is not told is logged.

import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../../core/plugin-api.ts";
import type { Notice, Notify, NotifyOption, Tell, Webhook } from "./notice.ts";
import { type Deliver, deliverTo, type Patience, usualPatience } from "./webhook.ts";

export interface Teller {
  readonly tell: Tell;
  /** Waits a moment for what is on its way. Safe to call twice. */
  readonly stop: () => Promise<void>;
}

/** With more pending notices than this, the receiver is probably down, and further notices are dropped to save memory. */
const mostOnTheirWay = 1_000;
const drainMs = 1_000;

export const targetsOf = (notify: NotifyOption | undefined): readonly (Notify | Webhook)[] =>
  notify === undefined ? [] : ([notify].flat() as readonly (Notify | Webhook)[]);

export const tellerOf = (notify: NotifyOption | undefined, log: Log, patience: Patience = usualPatience): Teller => {
  const deliveries = targetsOf(notify).map((target) =>
    typeof target === "function" ? calling(target, log) : deliverTo(target, log, patience),
  );
  const stopping = new AbortController();
  const onTheirWay = new Set<Promise<void>>();
  const send = (deliver: Deliver, notice: Notice): void => {
    if (onTheirWay.size >= mostOnTheirWay) {
      log.warn("A notice of an approval was dropped: too many are on their way", { type: notice.type, approvalId: notice.id });
      return;
    }
    const sending = deliver(notice, stopping.signal);
    onTheirWay.add(sending);
    void sending.then(() => onTheirWay.delete(sending));
  };
  return {
    tell: (notice) => {
      for (const deliver of deliveries) send(deliver, notice);
    },
    stop: async () => {
      if (onTheirWay.size > 0) await Promise.race([Promise.all(onTheirWay), pause(drainMs, undefined, { ref: false })]);
      stopping.abort();
      // What was aborted says so in the log, at once; a function that never ends is left behind.
      await Promise.race([Promise.all(onTheirWay), pause(drainMs / 10, undefined, { ref: false })]);
    },
  };
};

const calling =
  (notify: Notify, log: Log): Deliver =>
  async (notice) => {
    try {
      await notify(notice);
    } catch (error) {
      log.warn("A notice of an approval was not delivered", {
        type: notice.type,
        approvalId: notice.id,
        to: "a function",
        // Anything can be thrown, also what cannot be written down.
        reason: error instanceof Error ? String(error) : typeof error,
      });
    }
  };
