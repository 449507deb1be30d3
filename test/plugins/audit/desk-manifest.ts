// The manifest of the desk: `pay` and `gift` need approval, `note`, `count` and `look` do not.

export const manifestText = (url: string | undefined, sinks: string) => `
import { appendFileSync } from "node:fs";
import { authenticated, defineConfig, expose, handler, personal, secret, Type } from "quater";
import { apiKeys, approval, audit, cli, firstOf, http, localUser, store } from "quater/plugins";
const fields = { to: personal(Type.String()), cents: Type.Integer() };
const input = Type.Object(fields);
const about = { effect: "write", input, auth: authenticated };
const done = ({ to, cents }) => {
  appendFileSync(new URL("./done.txt", import.meta.url), to + " " + cents + "\\n");
  return { to, cents };
};
const pay = handler({ ...about, description: "Pay somebody.", preview: ({ to, cents }) => ({ to, leaves: cents }), handle: done });
const gift = handler({ ...about, input: Type.Object({ ...fields, pin: Type.Optional(secret(Type.String())) }), description: "Give.", handle: done });
const note = handler({ ...about, description: "Note a payment.", handle: done });
const look = handler({ description: "Look.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => 1 });
const count = handler({ description: "Count.", effect: "write", input: Type.Object({ n: Type.Integer() }), auth: authenticated, handle: ({ n }) => n });
export default defineConfig({
  name: "desk",
  handlers: [
    expose(async () => ({ pay, gift, note, count, look }), {
      pay: { cli: true, approval: "finance" },
      gift: { cli: true, approval: "finance" },
      note: { cli: true, http: "POST /notes", audit: "response" },
      count: { cli: true },
      look: { cli: true },
    }),
  ],
  plugins: [
    http({ port: 0, authenticate: apiKeys() }),
    cli({ authenticate: firstOf(apiKeys(), localUser({ person: "ana" })) }),
    store({ ${url === undefined ? "" : `url: ${JSON.stringify(url)}, `}mayLoseCommits: true }),
    audit({ sinks: ${sinks}, leaseMs: 500 }),
    approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ],
});
`;
