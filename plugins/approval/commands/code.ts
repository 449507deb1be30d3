// The command `quater approvals code` prints a code with which an approver can sign in on a phone, without typing a key on the
// phone. The sign-in with a sign-in code uses the approver's key. Each code works once, and expires after a few minutes.

import { conflict, type Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import type { codeInput } from "./inputs.ts";
import { approverFor, type CommandParts } from "./parts.ts";

export const code = async (parts: CommandParts, { keyFile }: Static<typeof codeInput>, io: CommandIo): Promise<number> => {
  const { issueCode } = parts;
  if (issueCode === undefined)
    return conflict("The approvals page is not available, because http() is not configured. Add http() to plugins");
  const { key } = await approverFor(parts, keyFile, io);
  const issued = await issueCode(key);
  const expiresAt = new Date(issued.expiresAt).toISOString();
  io.say(`Type this code on the approvals page before ${expiresAt}. The code works once.`);
  if (io.isJson) io.show({ code: issued.code, expiresAt });
  else await io.write(`${issued.code}\n`);
  return 0;
};
