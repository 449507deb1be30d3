import { defineConfig, expose } from "quater";
import { approval, audit, http, mcp, store } from "quater/plugins";
import { principal, tokens } from "quater/testing";

const authenticate = tokens({
  agent: principal({ subject: "ana" }),
  bea: principal({ subject: "bea", person: "bea", kind: "user", roles: ["payments"] }),
});
const mcpOnly = { mcp: true };

export default defineConfig({
  name: "clients",
  handlers: [
    expose(() => import("./handlers.mjs"), {
      add: mcpOnly,
      keep: mcpOnly,
      outline: mcpOnly,
      steps: mcpOnly,
      count: mcpOnly,
      pay: { mcp: true, approval: "payments" },
      wait: mcpOnly,
      give: mcpOnly,
      until: mcpOnly,
    }),
  ],
  plugins: [
    http({ port: 0, authenticate }),
    mcp({ authenticate }),
    store(),
    audit(),
    approval({
      authenticate,
      publicUrl: "http://127.0.0.1:3000",
      policies: { payments: { approvers: [{ role: "payments", need: 1 }] } },
    }),
  ],
});
