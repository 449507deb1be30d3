// The command `quater approvals wait`, for approval requests on this computer and for approval requests on a remote.

import { command, type PluginCommand } from "../../../core/plugin-api.ts";
import type { OwnStatus } from "../service.ts";
import { waitInput } from "./inputs.ts";
import { type WaitParts, waitPartsOf } from "./wait-parts.ts";

export const waitWith = (parts: WaitParts): PluginCommand =>
  command({
    path: ["approvals", "wait"],
    example: "quater approvals wait apr_7f3kq2m5x4n6b2t7h5dw --timeout-seconds 600",
    description: "Waits until your own request is decided. Exit codes: 0 approved, 77 not approved, 75 still pending.",
    input: waitInput,
    positional: ["id"],
    run: async (input, io) => (await import("./wait.ts")).wait(parts, input, io),
  });

/** Makes `quater approvals wait` for a caller whose approval requests are on a remote. */
export const waitCommand = (
  untilDecided: (id: string, signal: AbortSignal) => Promise<{ readonly status: string }>,
): PluginCommand => waitWith(waitPartsOf((id, signal) => untilDecided(id, signal) as Promise<OwnStatus>));
