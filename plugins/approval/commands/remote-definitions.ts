// The commands `quater approvals ... --remote NAME` in the form that the program on the caller's computer uses. The commands need
// no approver key, because the remote authenticates the caller.

import { Type } from "../../../core/index.ts";
import type { RemoteDefinition } from "../../offered.ts";
import { listInput, showInput } from "./inputs.ts";

export { waitCommand } from "./wait-command.ts";

export const remoteList = Type.Omit(listInput, ["keyFile"]);
export const remoteShow = Type.Omit(showInput, ["keyFile"]);

/** The parts of the commands that the program on the caller's computer needs. */
export const remoteDefinitions: readonly RemoteDefinition[] = [
  {
    path: ["approvals", "list"],
    example: "quater approvals list --remote prod --state pending",
    description: "Lists approval requests of a remote, newest first. Needs the scope remote:approvals.",
    input: remoteList,
  },
  {
    path: ["approvals", "show"],
    example: "quater approvals show apr_7f3kq2m5x4n6b2t7h5dw --remote prod",
    description: "Shows one approval request of a remote with all its details. Needs the scope remote:approvals.",
    input: remoteShow,
    positional: ["id"],
  },
];
