// The example of `quater init --example approvals`: a payment that runs after a person has approved the payment.

import type { Example } from "./example.ts";

const handlerText = `import { can, handler, Type } from "quater";

export const sendPayment = handler({
  description: "Send a payment. It takes effect immediately and cannot be undone.",
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

test("a payment needs an approval", async () => {
  await using app = await boot();
  const outcome = await app.as(ana).call("sendPayment", { to: "Bo", cents: 1250 });
  assert.equal(outcome.ok || outcome.error.code, "approval_required");
});

test("a caller without the scope is refused", async () => {
  await using app = await boot();
  const outcome = await app.as(principal()).call("sendPayment", { to: "Bo", cents: 1250 });
  assert.equal(outcome.ok || outcome.error.code, "missing_scope");
});
`;

const manifestText = (
  name: string,
): string => `// The manifest: handlers, how each is exposed, and plugins. A handler that is not listed here cannot be called.
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
      policies: { finance: { approvers: [{ role: "finance", need: 1 }] } },
    }),
  ],
});
`;

const approveText = (dev: string): string => `## Approvals

A payment needs the approval of one person with the role \`finance\`, who is not the requester. Try it:

1. Run \`${dev}\`. It prints the URL of the approvals page and the key of \`demo-approver\`. Only \`quater dev\` accepts this key.
2. Call \`sendPayment\`. The answer is \`approval_required\` with a link.
3. Open the link, sign in with the key, and approve the request.
4. Repeat the same call. It runs once.

For production, create a key for each approver:
`;

export const approvalsExample: Example = {
  purpose: "a handler that needs approval",
  scopes: ["payments:send"],
  files: ({ name }) => [
    { path: "app/payments.ts", text: handlerText },
    { path: "test/payments.test.ts", text: testText },
    { path: "quater.config.ts", text: manifestText(name) },
  ],
  readme: ({ exec, command }) => ({
    about: "one handler in `app/payments.ts` that runs only after a person has approved the call, on every surface.",
    rows: [
      [`${exec} quater run sendPayment --to Bo --cents 1250 --wait`, "Requests approval, waits for the decision, then pays"],
      [`${exec} quater exposure`, "Lists handlers with surfaces, auth and approval"],
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
