// The commands `quater approvals ... --remote NAME`. The commands only read: a caller cannot decide an approval request with the
// stored token of a remote (threat T4). The remote has authenticated the caller before, so the commands need no approver key.

import { type Static, Type } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import type { RemoteCaller, RemoteRead } from "../../offered.ts";
import type { CommandParts } from "./parts.ts";
import { remoteList, remoteShow } from "./remote-definitions.ts";

const statusInput = Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }) });

/** Returns the server side of the commands with `--remote`. */
export const remoteReads = (parts: CommandParts): readonly RemoteRead[] => {
  const looking = () => import("./looking.ts");
  const knowing = ({ principal }: RemoteCaller): CommandParts => ({ ...parts, authenticateKey: async () => principal });
  /** Answers the question for an approver key. `knowing` does not read this answer. */
  const answering = (io: CommandIo): CommandIo => ({ ...io, ask: async () => "remote" });
  return [
    {
      command: "approvals list",
      right: "approvals",
      input: remoteList,
      run: async (input: Static<typeof remoteList>, io, caller) => (await looking()).list(knowing(caller), input, answering(io)),
    },
    {
      command: "approvals show",
      right: "approvals",
      input: remoteShow,
      run: async (input: Static<typeof remoteShow>, io, caller) => (await looking()).show(knowing(caller), input, answering(io)),
    },
    {
      // The command that returns the state of the caller's own approval request, for `quater approvals wait` and
      // `quater run --wait`.
      command: "approvals status",
      right: "run",
      input: statusInput,
      run: async ({ id }: Static<typeof statusInput>, io, { principal }) => {
        io.show(await parts.approvals.statusOf(principal, "cli", id));
        return 0;
      },
    },
  ];
};
