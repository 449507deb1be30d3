// Approvals and the trail over a remote: --wait, and the commands that read, with the same output as on the server.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { httpRef } from "quater/http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKernel, type Kernel } from "../../../../core/boot/kernel.ts";
import { loadManifest } from "../../../../core/boot/load.ts";
import { createKey } from "../../../../plugins/auth/commands.ts";
import { change } from "../../../../plugins/cli/remote/known.ts";
import { approvalIn } from "../../../wire/wire-kit.ts";
import { type Till, till } from "../../approval/till-kit.ts";
import { quater, type Seen, type Typed } from "../kit.ts";
import { userHome } from "./kit.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };

let project: Till;
let kernel: Kernel;
const home = userHome();

beforeAll(async () => {
  project = till({ hasHttp: true, hasRemote: true });
  const keys = join(project.folder, ".quater/keys.json");
  const key = (name: string, scopes: string[], roles: string[] = []) =>
    createKey(keys, { name, kind: "user", person: name, scopes, roles }).key;
  const tokens = {
    run: key("cy", ["pay", "remote:run"]),
    operator: key("dan", ["remote:approvals", "remote:audit"], ["finance"]),
    nobody: key("eve", ["pay"]),
    reviewer: key("fay", ["pay", "remote:exposure", "remote:explain"]),
    outsider: key("gus", ["remote:explain"]),
  };
  kernel = await createKernel({ loaded: await loadManifest(project.folder, undefined), mode: "test", log: silent });
  await kernel.start();
  const url = kernel.services.find(httpRef)?.baseUrl ?? "";
  for (const [name, token] of Object.entries(tokens)) change(home.env, name, { name, url, token });
});
afterAll(async () => {
  await kernel.stop();
  project[Symbol.dispose]();
  home[Symbol.dispose]();
});

const there = (line: string, typed: Typed = {}) =>
  quater(line.split(" "), { cwd: home.env.QUATER_HOME, ...typed, env: { ...home.env, ...typed.env } });
const here = (line: string, typed: Typed = {}) => quater(line.split(" "), { cwd: project.folder, ...typed });

const approve = async (id: string) => {
  const { out } = await here(`approvals show ${id} --key-file ${project.keys.bea}`);
  const { digest } = JSON.parse(out) as { digest: string };
  return here(`approvals approve ${id} --digest ${digest} --key-file ${project.keys.bea}`);
};

test("quater run --remote exits with 75 for a call that needs approval, and prints the commands for the remote", async () => {
  const { code, err } = await there("--remote run run pay --to bo --cents 5");
  const id = approvalIn(err);
  expect({ code, body: JSON.parse(err) as object }).toEqual({
    code: 75,
    body: {
      error: expect.objectContaining({
        code: "approval_required",
        next: {
          decide: expect.stringMatching(new RegExp(`/approvals/${id}$`)),
          wait: `npx quater approvals wait ${id} --remote run`,
          repeat: "npx quater run --remote run pay --to bo --cents 5 --wait",
        },
      }),
    },
  });
  const waited = await there(`approvals wait ${id} --remote run --timeout-seconds 0`);
  expect([waited.code, JSON.parse(waited.out)]).toEqual([75, expect.objectContaining({ id, status: "pending" })]);
});

test("quater run --remote --wait waits for the decision of the approvers, and then runs the call once", async () => {
  let decided: Promise<Seen> | undefined;
  const seen = await there("--remote run run pay --to cara --cents 7 --wait", {
    onError: (text) => {
      const id = approvalIn(text);
      if (id !== "") decided ??= approve(id);
    },
  });
  expect((await decided)?.code).toBe(0);
  expect([seen.code, seen.out]).toEqual([0, '{"paid":7}\n']);
  expect(readFileSync(join(project.folder, "paid.txt"), "utf8").match(/cara/g)).toEqual(["cara"]);
});

test("quater run --remote --wait exits with 77 when an approver denies the approval request", async () => {
  let decided: Promise<Seen> | undefined;
  const seen = await there("--remote run run pay --to deny --cents 7 --wait", {
    onError: (text) => {
      const id = approvalIn(text);
      if (id !== "") decided ??= here(`approvals deny ${id} --key-file ${project.keys.bea}`);
    },
  });
  expect((await decided)?.code).toBe(0);
  expect([seen.code, seen.err]).toEqual([77, expect.stringContaining("approval_denied")]);
});

const same = (seen: Seen): Seen => ({ ...seen, out: seen.out.replaceAll(/\d+ seconds?|just now/g, "<ago>") });

test.each([
  ["approvals list", "--state pending"],
  ["approvals list", "--limit 1"],
  ["approvals list", "--handler nothing"],
])("quater %s %s prints the same text with --remote as on the server", async (command, flags) => {
  await there("--remote run run pay --to bo --cents 5");
  for (const form of ["", " --json"])
    for (const isTerminal of [false, true]) {
      const local = await here(`${command} ${flags}${form} --key-file ${project.keys.bea}`, { isTerminal });
      expect(same(await there(`${command} ${flags}${form} --remote operator`, { isTerminal }))).toEqual(same(local));
    }
});

test("quater approvals show prints the same text with --remote as on the server, and needs no key of the trail", async () => {
  const id = approvalIn((await there("--remote run run pay --to bo --cents 5")).err);
  for (const form of ["", " --json", " --short --no-json"]) {
    const local = await here(`approvals show ${id}${form} --key-file ${project.keys.bea}`);
    expect(same(await there(`approvals show ${id}${form} --remote operator`))).toEqual(same(local));
  }
});

test.each([
  ["audit show", "--handler pay --outcome refused"],
  ["audit show", "--handler nothing"],
  ["audit show", ""],
  ["audit tail", "--lines 3 --handler pay"],
])("quater %s %s prints the same text with --remote as on the server", async (command, flags) => {
  for (const form of ["", " --json"])
    for (const isTerminal of [false, true]) {
      const line = `${command}${flags === "" ? "" : ` ${flags}`}${form}`;
      expect(await there(`${line} --remote operator`, { isTerminal })).toEqual(await here(line, { isTerminal }));
    }
});

test("quater audit verify --remote lets the server verify its trail, and refuses inputs that name files", async () => {
  const seen = await there("audit verify --remote operator");
  expect([seen.code, JSON.parse(seen.out)]).toEqual([0, expect.objectContaining({ damage: [] })]);
  for (const flags of ["--file /etc/passwd", "--against /etc/passwd"])
    expect(await there(`audit verify ${flags} --remote operator`)).toMatchObject({
      code: 64,
      err: expect.stringContaining("Unknown flag"),
    });
});

test("quater audit tail --follow --remote prints new events of the trail until Ctrl-C", async () => {
  const interrupt = new AbortController();
  let calls = 0;
  const following = await there("audit tail --lines 1 --follow --remote operator", {
    interrupt: interrupt.signal,
    onOutput: (text) => {
      // The first output is an older event. It shows that the command follows the trail.
      if (calls++ === 0) void there("--remote run run pay --to followed --cents 0");
      if (text.includes('"errorCode":"invalid_input"')) interrupt.abort("SIGINT");
    },
  });
  expect(following).toMatchObject({ code: 0, out: expect.stringContaining('"remote":true') });
});

test.each([
  ["approvals list", "remote:approvals"],
  ["audit tail", "remote:audit"],
  ["audit verify", "remote:audit"],
])("quater %s with --remote needs the scope %s, and the server records a refusal on the trail", async (command, scope) => {
  for (const name of ["nobody", "run"]) {
    const { code, err } = await there(`${command} --remote ${name} --json`);
    expect([code, JSON.parse(err)]).toEqual([
      77,
      { error: expect.objectContaining({ code: "missing_scope", details: { scopes: [scope] } }) },
    ]);
  }
  const shown = await here("audit show --principal eve --json");
  expect(shown.out).toContain(`"detail":{"command":"${command}"}`);
});

test("an agent with the scope remote:approvals sees no approval requests of the remote", async () => {
  const { key } = createKey(join(project.folder, ".quater/keys.json"), {
    name: "robot-reader",
    kind: "agent",
    actsFor: "bea",
    scopes: ["remote:approvals"],
    roles: ["finance"],
  });
  const env = { QUATER_REMOTE_TOKEN_OPERATOR: key };
  await expect
    .poll(async () => (await there("approvals list --remote operator", { env })).err)
    .toContain("approver_not_eligible");
});

test("quater exposure prints the same text with --remote as on the server, and writes no exposure file", async () => {
  for (const form of ["", " --json"])
    for (const isTerminal of [false, true])
      expect(await there(`exposure --remote reviewer${form}`, { isTerminal })).toEqual(
        await here(`exposure${form}`, { isTerminal }),
      );
  expect(await there("exposure --write --remote reviewer")).toMatchObject({
    code: 64,
    err: expect.stringContaining("do not work with --remote"),
  });
});

test.each([
  ["pay --to bo --cents 5", "fay"],
  ["pay --to bo --cents 0", "fay"],
  ["pay --to bo --amount 5", "fay"],
  ["pay --to bo --cents 5 --surface http", "fay"],
])("quater explain %s prints the same text with --remote as on the server with the key of the caller", async (line, key) => {
  for (const form of ["", " --json"]) {
    const local = await here(`explain ${line} --as ${key}${form}`);
    const remote = await there(`explain ${line}${form} --remote reviewer`);
    if (line.includes("http")) expect([local.code, remote.code]).not.toContain(0);
    else expect(remote).toEqual(local);
  }
});

test("quater explain --remote explains only calls of its own caller, also calls that the caller may not make", async () => {
  const { code, out } = await there("explain pay --to bo --cents 5 --remote outsider --json");
  expect([code, JSON.parse(out)]).toEqual([1, expect.objectContaining({ verdict: "stops", code: "missing_scope" })]);
  expect(await there("explain pay --as bea --remote outsider")).toMatchObject({
    code: 64,
    err: expect.stringContaining("only your own calls"),
  });
  expect(await there("explain pay --to bo --cents 5 --remote run")).toMatchObject({
    code: 77,
    err: expect.stringContaining("remote:explain"),
  });
});
