// The commands `quater audit ... --remote NAME` in the form that the program on the caller's computer needs.

import { Type } from "../../../core/index.ts";
import type { RemoteDefinition } from "../../offered.ts";
import { showInput, tailInput, verifyInput } from "./inputs.ts";

export const remoteVerify = Type.Omit(verifyInput, ["file", "against"]);

/**
 * The names, summaries and inputs of the commands `quater audit ... --remote NAME`, which the program on the caller's computer
 * needs.
 */
export const remoteDefinitions: readonly RemoteDefinition[] = [
  {
    path: ["audit", "tail"],
    example: "quater audit tail --remote prod --since 2h",
    description: "Shows the newest events of a remote's trail. Needs the scope remote:audit.",
    input: tailInput,
  },
  {
    path: ["audit", "show"],
    example: "quater audit show 484f0c12-884b-4ab6-85aa-1de36989e549 --remote prod",
    description: "Shows all events of one call on a remote, or all events that match the filters. Needs the scope remote:audit.",
    input: showInput,
    positional: ["call"],
  },
  {
    path: ["audit", "verify"],
    example: "quater audit verify --remote prod",
    description: "Lets a remote verify its trail. A remote that lies can report anything. Needs the scope remote:audit.",
    input: remoteVerify,
  },
];
