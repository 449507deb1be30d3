// The first walk through a project as people type it, in the panes of a real terminal: init, dev, a call that waits for approval,
// the approval in a second pane, and the result.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtPackage, builtProgram, linkQuater } from "../../built.ts";
import { freePort } from "../../packaging/kit.ts";

const hasTmux = spawnSync("tmux", ["-V"]).status === 0;
const isNeeded = process.env["QUATER_TEST_REQUIRE_ALL"] === "1";
const folder = mkdtempSync(join(tmpdir(), "quater-walk-"));
const socket = join(folder, "tmux");

const tmux = (...words: readonly string[]) =>
  execFileSync("tmux", ["-S", socket, "-f", "/dev/null", ...words], { encoding: "utf8" });
const screen = (pane: string) => tmux("capture-pane", "-p", "-J", "-S", "-200", "-t", pane);
const type = (pane: string, line: string) => tmux("send-keys", "-t", pane, "-l", `${line}\r`);
const seen = async (pane: string, pattern: RegExp): Promise<RegExpExecArray> => {
  await expect.poll(() => screen(pane), { interval: 100 }).toMatch(pattern);
  return pattern.exec(screen(pane)) as RegExpExecArray;
};

beforeAll(() => {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "quater"), `#!/bin/sh\nexec "${process.execPath}" "${builtProgram()}" "$@"\n`, { mode: 0o755 });
});
afterAll(() => {
  spawnSync("tmux", ["-S", socket, "kill-server"]);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

test.skipIf(!isNeeded && !hasTmux)(
  "a developer runs quater init and quater dev, approves a call in a second pane, and sees the result",
  async () => {
    const shell = `env -i PATH=${join(folder, "bin")}:${process.env["PATH"]} HOME=${folder} TERM=screen NO_COLOR=1 PS1='$ ' bash --noprofile --norc`;
    tmux("new-session", "-d", "-x", "180", "-y", "60", "-s", "walk", "-c", folder, shell);
    const server = tmux("display-message", "-p", "-t", "walk", "#{pane_id}").trim();
    type(server, "quater init");
    await seen(server, /In which folder\?/);
    type(server, "pay");
    await seen(server, /What is the name of the project\?/);
    type(server, "");
    await seen(server, /Which package manager\?/);
    type(server, "");
    await seen(server, /Call it.*\n/);
    rmSync(join(folder, "pay"), { recursive: true });
    type(server, "clear; quater init pay -y --example approvals && cd pay");
    await seen(server, /quater run sendPayment/);
    const project = join(folder, "pay");
    linkQuater(project, builtPackage());
    symlinkSync(fileURLToPath(new URL("../../../node_modules/tsx", import.meta.url)), join(project, "node_modules/tsx"), "dir");
    const manifest = join(project, "quater.config.ts");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace("port: 3000", `port: ${await freePort()}`));
    type(
      server,
      "clear; quater keys create --name bea --person bea --kind user --roles finance --no-json > bea.key; chmod 600 bea.key; quater dev",
    );
    await seen(server, /Approve as demo-approver/);

    tmux("split-window", "-d", "-t", server, "-c", project, shell);
    tmux("split-window", "-d", "-t", server, "-c", project, shell);
    tmux("select-layout", "-t", "walk", "even-vertical");
    const [, caller = "", approver = ""] = tmux("list-panes", "-t", "walk", "-F", "#{pane_id}").trim().split("\n");
    type(caller, "quater run sendPayment --cents 1250 --wait");
    await seen(caller, /to: \(required/);
    type(caller, "Bo");
    const [, id = ""] = await seen(caller, /Waiting for approval (apr_[a-z2-7]{20})/);

    type(approver, `quater approvals approve ${id} --key-file bea.key`);
    const [, digits = ""] = await seen(approver, /Digest +([0-9a-f]{4})[\s\S]*type the first 4 digits/);
    type(approver, digits);
    await seen(approver, /approved/);
    await seen(caller, /paid +12\.50 EUR to Bo/);

    type(caller, "clear; quater audit verify --no-json; echo exit $?");
    await seen(caller, /exit 0/);
    tmux("send-keys", "-t", server, "C-c");
    await seen(server, /\^C[\s\S]*\$/);
  },
  120_000,
);
