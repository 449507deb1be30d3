import { defineConfig, expose } from "quater";
import { mcpRef } from "quater/mcp";
import { definePlugin } from "quater/plugin-api";
import { approval, audit, http, mcp, store } from "quater/plugins";
import { principal, tokens } from "quater/testing";

const authenticate = tokens({
  agent: principal({ subject: "ana" }),
  bea: principal({ subject: "bea", person: "bea", kind: "user", roles: ["payments"] }),
});
const mcpOnly = { mcp: true };

/** Reports each note that is kept to the clients that watch the note. */
const noteUpdates = definePlugin(() => ({
  name: "noteUpdates",
  needs: [mcpRef],
  setup: ({ services }) => ({
    hooks: {
      settled: ({ handler, isDryRun }, outcome) => {
        if (handler === "keep" && outcome.ok && !isDryRun) services.get(mcpRef).updated(`note://${outcome.value.kept}`);
      },
    },
  }),
}));

export default defineConfig({
  name: "clients",
  handlers: [
    expose(() => import("./handlers.mjs"), {
      add: mcpOnly,
      keep: mcpOnly,
      readNote: { mcp: { resource: "note://{text}", tool: false } },
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
    noteUpdates(),
    store(),
    audit(),
    approval({
      authenticate,
      publicUrl: "http://127.0.0.1:3000",
      policies: { payments: { approvers: [{ role: "payments", need: 1 }] } },
    }),
  ],
});
