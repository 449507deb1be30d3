// The commands `quater audit ... --remote NAME`, which only read the trail. These commands have no inputs that name files,
// because the files would be files of the server.

import type { Static } from "../../../core/index.ts";
import type { RemoteRead } from "../../offered.ts";
import { showInput, tailInput } from "./inputs.ts";
import type { CommandParts } from "./parts.ts";
import { remoteVerify } from "./remote-definitions.ts";

/** The functions that a server runs for the commands `quater audit ... --remote NAME`. */
export const remoteReads = (parts: CommandParts): readonly RemoteRead[] => {
  const runs = () => import("./command-runs.ts");
  return [
    {
      command: "audit tail",
      right: "audit",
      input: tailInput,
      run: async (input: Static<typeof tailInput>, io) => (await import("./following.ts")).tail(parts, input, io),
    },
    {
      command: "audit show",
      right: "audit",
      input: showInput,
      run: async (input: Static<typeof showInput>, io) => (await runs()).show(parts, input, io),
    },
    {
      command: "audit verify",
      right: "audit",
      input: remoteVerify,
      run: async (input: Static<typeof remoteVerify>, io) => (await runs()).verify(parts, { ...input, against: [] }, io),
    },
  ];
};
