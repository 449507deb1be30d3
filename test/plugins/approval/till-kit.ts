// A project in a folder of its own, for the program: `pay` needs approval, and each who decides has a key file.

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
  /** Default false. With it there is a page to sign in to. */
  readonly hasHttp?: boolean;
  /** Default false. With it the project serves commands with --remote. */
  readonly hasRemote?: boolean;
}

export interface Till {
  readonly folder: string;
  /** Files with approver keys, by who holds them. */
  readonly keys: Readonly<Record<"bea" | "robot" | "ana", string>>;
  readonly keyOf: (who: "bea" | "robot" | "ana") => string;
  [Symbol.dispose](): void;
}

/** A project for the program itself: `pay` on the terminal, and a key file for each who decides. */
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
