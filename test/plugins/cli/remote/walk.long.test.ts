// A walk of an operator in a terminal multiplexer: add a remote, type the token, run a call that needs approval, approve it in a
// second pane, and get the result in the first.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createKey } from "../../../../plugins/auth/commands.ts";
import { builtProgram } from "../../../built.ts";
import { freePort } from "../../mcp/oauth/authorization-server.ts";
import { builtProject } from "../kit.ts";

const hasTmux = (() => {
  try {
    execFileSync("tmux", ["-V"]);
    return true;
  } catch {
    return false;
  }
})();

const manifest = (port: number) => `
import { defineConfig, expose, handler, can, Type } from "quater";
import { apiKeys, approval, audit, cli, http, store } from "quater/plugins";
const pay = handler({
  description: "Pay somebody.",
  effect: "destructive",
  input: Type.Object({ to: Type.String(), cents: Type.Integer({ minimum: 1 }) }),
  auth: can("pay"),
  handle: ({ to, cents }) => ({ to, paid: cents }),
});
export default defineConfig({
  name: "till",
  handlers: [expose(async () => ({ pay }), { pay: { cli: true, approval: "finance" } })],
  plugins: [
    http({ port: ${port} }),
    cli({ authenticate: apiKeys(), remote: { authenticate: apiKeys() } }),
    store(),
    audit(),
    approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ],
});
`;

test.skipIf(!hasTmux)(
  "an operator adds a remote, logs in, runs a call, gets the approval in a second pane, and sees the result",
  async () => {
    const port = await freePort();
    const { folder, remove } = builtProject({ "quater.config.mjs": manifest(port), "package.json": "{}" });
    const keys = join(folder, ".quater/keys.json");
    const operator = createKey(keys, { name: "cy", kind: "user", person: "cy", scopes: ["pay", "remote:run"], roles: [] }).key;
    const approver = createKey(keys, { name: "bea", kind: "user", person: "bea", scopes: [], roles: ["finance"] }).key;
    writeFileSync(join(folder, "bea.key"), approver, { mode: 0o600 });
    const laptop = mkdtempSync(join(tmpdir(), "quater-laptop-"));
    const socket = join(laptop, "tmux");
    const tmux = (...words: string[]) => execFileSync("tmux", ["-S", socket, ...words], { encoding: "utf8" });
    const pane = (name: string, cwd: string) =>
      tmux(
        "new-session",
        "-d",
        "-s",
        name,
        "-x",
        "180",
        "-y",
        "50",
        "-c",
        cwd,
        "env",
        `QUATER_HOME=${join(laptop, "home")}`,
        "PS1=$ ",
        "sh",
      );
    const type = (name: string, text: string) => {
      tmux("send-keys", "-t", name, "-l", text);
      tmux("send-keys", "-t", name, "Enter");
    };
    const screen = (name: string) => tmux("capture-pane", "-p", "-J", "-t", name);
    const shows = (name: string, text: string | RegExp) => expect.poll(() => screen(name), { timeout: 30_000 }).toMatch(text);
    const quater = `${process.execPath} ${builtProgram()}`;
    try {
      pane("server", folder);
      pane("operator", laptop);
      type("server", `${quater} serve`);
      await shows("server", /is ready/);
      type("operator", `${quater} remote add till http://127.0.0.1:${port}`);
      await shows("operator", /Added the remote till/);
      type("operator", `${quater} remote login till`);
      await shows("operator", /Token for till \(not shown\):/);
      type("operator", operator);
      await shows("operator", /Logged in to the remote till/);
      expect(screen("operator")).not.toContain(operator);
      type("operator", `clear; ${quater} run --remote till pay --to bo --cents 5 --wait`);
      await shows("operator", /Waiting for approval apr_\w+/);
      const id = /apr_[a-z2-7]{20}/.exec(screen("operator"))?.[0] ?? "";
      pane("approver", folder);
      type("approver", `${quater} approvals approve ${id} --key-file bea.key`);
      await shows("approver", /type the first 4 digits of its digest/);
      const digest = /[Dd]igest\s+(?:sha256:)?([0-9a-f]{4})/.exec(screen("approver"))?.[1] ?? "";
      type("approver", digest);
      await shows("approver", /approved/);
      await shows("operator", /paid\s+5/);
    } finally {
      tmux("kill-server");
      rmSync(laptop, { recursive: true, force: true });
      remove();
    }
  },
  180_000,
);
