// A project in a separate folder, for tests of the `quater` program. The handler `pay` needs approval, and each approver has a
// key file.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKey } from "../../../plugins/auth/commands.ts";
import { project } from "../cli/kit.ts";

const manifestText = ({ hasHttp, hasRemote }: TillOptions) => `
import { appendFileSync } from "node:fs";
import { defineConfig, expose, handler, can, secret, Type } from "quater";
import { apiKeys, approval, audit, cli, firstOf, http, localUser, store } from "quater/plugins";
const pay = handler({
  description: "Pay somebody.",
  effect: "destructive",
  input: Type.Object({ to: Type.String(), cents: Type.Integer({ minimum: 1 }), pin: Type.Optional(secret(Type.String())) }),
  auth: can("pay"),
  preview: ({ cents }) => ({ leaves: cents }),
  handle: (input) => {
    appendFileSync(new URL("./paid.txt", import.meta.url), input.to + "\\n");
    return { paid: input.cents };
  },
});
export default defineConfig({
  name: "till",
  handlers: [expose(async () => ({ pay }), { pay: { cli: true, approval: "finance" } })],
  plugins: [
    ${hasHttp === true ? "http({ port: 0, authenticate: apiKeys() })," : ""}
    cli({ authenticate: firstOf(apiKeys(), localUser({ person: "ana", scopes: ["pay"] }))${hasRemote === true ? ", remote: { authenticate: apiKeys() }" : ""} }),
    store({ mayLoseCommits: true }),
    audit(),
    approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ],
});
`;

interface TillOptions {
  /** Whether the project has http() and an approvals page. Default false. */
  readonly hasHttp?: boolean;
  /** Whether the project serves commands with --remote. Default false. */
  readonly hasRemote?: boolean;
}

export interface Till {
  readonly folder: string;
  /** Paths of files with approver keys, by the name of the key's owner. */
  readonly keys: Readonly<Record<"bea" | "robot" | "ana", string>>;
  readonly keyOf: (who: "bea" | "robot" | "ana") => string;
  [Symbol.dispose](): void;
}

/**
 * Creates a project for the `quater` program. The project exposes `pay` at the terminal, and contains a key file for each
 * approver.
 */
export const till = (options: TillOptions = {}): Till => {
  const { folder, remove } = project({ "quater.config.mjs": manifestText(options) });
  const rights = { scopes: [], roles: ["finance"] };
  const made = {
    bea: createKey(join(folder, ".quater/keys.json"), { name: "bea", kind: "user", person: "bea", ...rights }).key,
    ana: createKey(join(folder, ".quater/keys.json"), { name: "ana", kind: "user", person: "ana", ...rights }).key,
    robot: createKey(join(folder, ".quater/keys.json"), { name: "robot", kind: "agent", actsFor: "bea", ...rights }).key,
  };
  const fileOf = (who: keyof typeof made) => {
    const file = join(folder, `${who}.key`);
    writeFileSync(file, `${made[who]}\n`, { mode: 0o600 });
    return file;
  };
  return {
    folder,
    keys: { bea: fileOf("bea"), ana: fileOf("ana"), robot: fileOf("robot") },
    keyOf: (who) => made[who],
    [Symbol.dispose]: remove,
  };
};
