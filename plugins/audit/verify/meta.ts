// Parses the text `meta` of an event.

import type { Checkpoint } from "../log/chain.ts";
import type { EventMeta } from "../log/event.ts";

export const metaOf = (text: string): (EventMeta & Partial<Checkpoint>) | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return Object(value) === value ? (value as EventMeta & Partial<Checkpoint>) : undefined;
  } catch {
    return undefined;
  }
};
