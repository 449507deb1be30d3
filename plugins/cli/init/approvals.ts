// The example of `--example approvals`: a payment that runs after a person has approved it.

import type { Example } from "./example.ts";

const handlerText = `import { can, handler, Type } from "quater";

export const sendPayment = handler({
  description: "Pay somebody. The money leaves at once and cannot be called back.",
  effect: "destructive",
  input: Type.Object({
    to: Type.String({ minLength: 1, maxLength: 50 }),
    cents: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  }),
  output: Type.Object({ paid: Type.String() }),
  auth: can("payments:send"),
  preview: ({ to, cents }) => ({ leavesTheAccount: \`\${(cents / 100).toFixed(2)} EUR\`, to }),
  handle: ({ to, cents }) => ({ paid: \`\${(cents / 100).toFixed(2)} EUR to \${to}\` }),
});
`;

const testText = `import assert from "node:assert/strict";
import { test } from "node:test";
import { bootTest, principal } from "quater/testing";
import manifest from "../quater.config.ts";

/** A store of its own, so that tests leave no requests behind. */
const boot = () => bootTest(manifest, { start: false, isolated: true });
const ana = principal({ subject: "ana", scopes: ["payments:send"] });

test("a payment waits until a person has agreed to it", async () => {
  await using app = await boot();
  const outcome = await app.as(ana).call("sendPayment", { to: "Bo", cents: 1250 });
  assert.equal(outcome.ok || outcome.error.code, "approval_required");
});

test("a caller without the scope cannot ask", async () => {
  await using app = await boot();
  const outcome = await app.as(principal()).call("sendPayment", { to: "Bo", cents: 1250 });
  assert.equal(outcome.ok || outcome.error.code, "missing_scope");
});
`;

const manifestText = (
  name: string,
): string => `// What runs, and who can reach what. Nothing that is not listed here can be called from outside.
import { defineConfig, expose } from "quater";
import { apiKeys, approval, audit, cli, http, localUser, mcp, store } from "quater/plugins";

export default defineConfig({
  name: "${name}",
  handlers: [
    expose(() => import("./app/payments.ts"), {
      sendPayment: { http: "POST /payments", mcp: true, cli: true, approval: "finance" },
    }),
  ],
  plugins: [
    http({ port: 3000, authenticate: apiKeys() }),
    mcp({ authenticate: apiKeys() }),
    cli({ authenticate: localUser({ scopes: ["payments:send"] }) }),
    store(), // SQLite in .quater/
    audit(),
    approval({
      authenticate: apiKeys(),
      publicUrl: "http://127.0.0.1:3000",
      policies: { finance: { approvers: [{ role: "finance", need: 1 }] } },
    }),
  ],
});
`;

const approveText = (dev: string): string => `## Who agrees

A payment needs one person with the role \`finance\`, and never the one who asks. Try it:

1. Run \`${dev}\`. It prints the approvals page and a key for \`demo-approver\`, which \`quater dev\` alone lets in.
2. Call \`sendPayment\`. It answers \`approval_required\`, with a link.
3. Open the link, sign in with the key, look, and approve.
4. Call it again, unchanged: it runs, once.

For production make a key for each person who decides:
`;

export const approvalsExample: Example = {
  scopes: ["payments:send"],
  files: ({ name }) => [
    { path: "app/payments.ts", text: handlerText },
    { path: "test/payments.test.ts", text: testText },
    { path: "quater.config.ts", text: manifestText(name) },
  ],
  readme: ({ exec, command }) => ({
    about: "one handler in `app/payments.ts`, which runs once a person has agreed to exactly that call, on every surface,",
    rows: [
      [`${exec} quater run sendPayment --to Bo --cents 1250 --wait`, "Asks, waits for a person, and then pays"],
      [`${exec} quater exposure`, "Shows what is reachable, by whom, and who must agree"],
      [command("test"), "Runs the tests"],
    ],
    createKey: `${exec} quater keys create --name ana --person ana --kind user --scopes payments:send`,
    more: `${approveText(command("dev"))}\`${exec} quater keys create --name bea --person bea --kind user --roles finance\`
`,
  }),
  calls: ({ exec }, { url, header }) => [
    `curl ${header} --json '{"to":"Bo","cents":1250}' ${url}/payments`,
    `${exec} quater run sendPayment --to Bo --cents 1250 --wait`,
  ],
};
