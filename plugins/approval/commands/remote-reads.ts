// The commands `quater approvals ... --remote NAME`. They only read: a stored token of a remote never decides a request (threat
// T4). The remote has authenticated the caller before, so no approver key is asked for.

import { type Static, Type } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import type { RemoteCaller, RemoteRead } from "../../offered.ts";
import type { CommandParts } from "./parts.ts";
import { remoteList, remoteShow } from "./remote-definitions.ts";

const statusInput = Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }) });

/** The server side of the commands. */
export const remoteReads = (parts: CommandParts): readonly RemoteRead[] => {
  const looking = () => import("./looking.ts");
  const knowing = ({ principal }: RemoteCaller): CommandParts => ({ ...parts, authenticateKey: async () => principal });
  /** Answers the question for a key. `knowing` does not look at the answer. */
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
      // The state of the caller's own request, for `quater approvals wait` and `quater run --wait`.
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
