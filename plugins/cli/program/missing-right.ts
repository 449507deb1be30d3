// Makes the advice for the operator when a caller at the terminal lacks a scope or a role.

import type { QuaterError } from "../../../core/index.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import { shellWord } from "./announce.ts";
import { type Context, credentialsOf } from "./context.ts";
import { programWords } from "./program-words.ts";

/** Returns advice on how to get a missing right, or a valid token for a remote; `undefined` for every other error. */
export const howToGrant = (
  { code, details }: QuaterError,
  context: Pick<Context, "env" | "cwd" | "remote">,
): string | undefined => {
  const { remote } = context;
  if (remote !== undefined && (code === "unauthenticated" || code === "invalid_token"))
    return `To store another token, run ${programWords(context)} remote login ${remote}`;
  const right = code === "missing_scope" ? "scopes" : code === "missing_role" ? "roles" : undefined;
  if (right === undefined) return undefined;
  const named = isPlainObject(details) && Array.isArray(details[right]) ? (details[right] as unknown[]).map(String) : [];
  if (remote === undefined && credentialsOf(context.env).token === undefined) {
    const list = named.length === 0 ? "..." : named.map((name) => JSON.stringify(name)).join(", ");
    return `You called without QUATER_TOKEN, as the local user. Add the missing ${right} in the manifest: cli({ authenticate: localUser({ ${right}: [${list}] }) })`;
  }
  const flags = (named.length === 0 ? ["<name>"] : named.map(shellWord)).map((name) => ` --${right} ${name}`).join("");
  if (remote !== undefined)
    return `The token of the remote ${remote} does not have the required ${right}. On the server, create a key with the required ${right}: quater keys create --name <name>${flags}`;
  return `The key in QUATER_TOKEN does not have the required ${right}. Create a key with the required ${right}: ${programWords(context)} keys create --name <name>${flags}`;
};
