// What only a process of its own can show: signals, broken pipes, a manifest in TypeScript, a busy port.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { builtFixture, builtProject, shop, start } from "./kit.ts";

const typescript = builtFixture("typescript");
const builtShop = builtFixture("shop");
afterAll(() => {
  typescript.remove();
  builtShop.remove();
});

test("quater run works with a manifest in TypeScript", async () => {
  expect(await start(["run", "hello", "--name", "Ana"], { cwd: typescript.folder }).ended).toEqual({
    code: 0,
    signal: null,
    out: '{"text":"Hello Ana"}\n',
    err: "",
  });
});

test("quater run exits with 0 when the reader of its output leaves early", () => {
  const main = new URL("../../../plugins/cli/main.ts", import.meta.url).pathname;
  const run = (line: string) =>
    spawnSync("bash", ["-c", `set -o pipefail; node -C quater-source --import tsx ${main} ${line}`], {
      cwd: shop,
      encoding: "utf8",
      timeout: 25_000,
    });
  const endless = run("run countUp | head -1");
  expect(endless).toMatchObject({ status: 0, stdout: '{"n":1}\n', stderr: "" });
  expect(run("exposure | true")).toMatchObject({ status: 0, stderr: "" });
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("the signal %s cancels quater run, which exits with %d", async (signal, expected) => {
  const run = start(["run", "waitLong"], { cwd: builtShop.folder, env: { SHOP_SAYS: "yes" } });
  await run.said(/waiting/);
  run.process.kill(signal);
  const { code, out } = await run.ended;
  expect([code, out]).toEqual([expected, ""]);
});

test("text that a handler prints with console.log appears on standard error, not in the result of quater run", async () => {
  const { folder, remove } = builtProject({
    "handlers.mjs": `
import { authenticated, handler, Type } from "quater";
export const loud = handler({ description: "Prints.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => { console.log("noise"); return 1; } });
`,
    "quater.config.mjs": `
import { defineConfig, expose } from "quater";
import { localUser } from "quater/auth";
import { cli } from "quater/cli";
export default defineConfig({ name: "loud", handlers: [expose(() => import("./handlers.mjs"), { loud: { cli: true } })], plugins: [cli({ authenticate: localUser() })] });
`,
  });
  try {
    expect(await start(["run", "loud"], { cwd: folder }).ended).toMatchObject({ code: 0, out: "1\n", err: "noise\n" });
  } finally {
    remove();
  }
});

const urlIn = (text: string): string => /"url":"([^"]+)"/.exec(text)?.[1] ?? "";

test("quater serve logs JSON lines, waits for running calls on SIGTERM, and exits 0", async () => {
  const server = start(["serve"], { cwd: builtShop.folder });
  const url = urlIn(await server.said(/"message":"shop is ready"/));
  const answer = fetch(`${url}/wait`, {
    method: "POST",
    headers: { authorization: "Bearer t", "content-type": "application/json" },
    body: '{"ms":1500}',
  });
  await new Promise((resolve) => setTimeout(resolve, 700));
  server.process.kill("SIGTERM");
  const response = await answer;
  expect([response.status, await response.json()]).toEqual([200, { waited: 1500 }]);
  const { code, out, err } = await server.ended;
  expect([code, out]).toEqual([0, ""]);
  const lines = err
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { level: string; message: string });
  expect(lines.map(({ message }) => message)).toEqual(
    expect.arrayContaining(["shop is ready", "The server stops after SIGTERM"]),
  );
});

test("an uncaught error ends quater serve with a log line that contains its cause", async () => {
  const { folder, remove } = builtProject({
    "quater.config.mjs": `
import { defineConfig } from "quater";
import { definePlugin } from "quater/plugin-api";
import { http, httpRef } from "quater/http";
const fail = async () => {
  throw new Error("nobody waits for this", { cause: new Error("the reason") });
};
const timer = definePlugin(() => ({
  name: "timer",
  needs: [httpRef],
  setup: ({ services, log }) =>
    services.get(httpRef).mount("GET /fail", ({ router }) => {
      router.get("/fail", (ctx) => {
        log.warn("A line of a plugin", { problem: new Error("handed over as it is") });
        setTimeout(fail, 10);
        ctx.body = "soon";
      });
    }),
}));
export default defineConfig({ name: "fails", handlers: [], plugins: [http({ port: 0 }), timer()] });
`,
  });
  try {
    const server = start(["serve"], { cwd: folder });
    const url = urlIn(await server.said(/"message":"fails is ready"/));
    await fetch(`${url}/fail`);
    const { code, err } = await server.ended;
    const lines = err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(code).toBe(70);
    expect(lines.find(({ message }) => message === "A line of a plugin")?.["problem"]).toContain("handed over as it is");
    expect(lines.find(({ message }) => message === "Unexpected failure")).toEqual({
      level: "error",
      time: expect.any(String),
      error: expect.stringMatching(/^Error: nobody waits for this\n[\s\S]*caused by: Error: the reason/),
      message: "Unexpected failure",
    });
  } finally {
    remove();
  }
});

test("a second SIGTERM ends quater serve immediately with the exit code 143", async () => {
  const server = start(["serve"], { cwd: builtShop.folder });
  const url = urlIn(await server.said(/is ready/));
  const cut = fetch(`${url}/wait`, {
    method: "POST",
    headers: { authorization: "Bearer t", "content-type": "application/json" },
    body: "{}",
  }).catch(() => "cut off");
  await new Promise((resolve) => setTimeout(resolve, 700));
  server.process.kill("SIGTERM");
  await server.said(/The server stops after SIGTERM/);
  server.process.kill("SIGTERM");
  expect((await server.ended).code).toBe(143);
  expect(await cut).toBe("cut off");
});

test("quater serve prints one message and exits 78 when its port is in use", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const { code, err } = await start(["serve"], { cwd: builtShop.folder, env: { SHOP_PORT: String(port) } }).ended;
    expect(code).toBe(78);
    expect(err).toContain(`Port ${port} on 127.0.0.1 is already in use`);
    expect(err).not.toMatch(/\n\s+at /);
  } finally {
    other.close();
  }
});

test("quater dev waits for a port that is in use, and starts when the port is free", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  const { folder, remove } = builtProject({
    "quater.config.mjs": `
import { defineConfig } from "quater";
import { http } from "quater/http";
export default defineConfig({ name: "waits", handlers: [], plugins: [http({ port: ${port} })] });
`,
  });
  const dev = start(["dev"], { cwd: folder });
  try {
    await dev.said(new RegExp(`Waiting until port ${port} is free or a file changes`));
    other.close();
    const said = await dev.said(/waits is ready/);
    expect(said.match(/already in use/g)).toHaveLength(1);
    dev.process.kill("SIGINT");
    expect((await dev.ended).code).toBe(0);
  } finally {
    other.close();
    dev.process.kill("SIGTERM");
    remove();
  }
});

test("quater dev restarts with the changed and removed values of the file .env", async () => {
  const { folder, remove } = builtProject({
    ".env": "DEV_CHANGES=old\nDEV_GOES=there\nDEV_REAL=file\n",
    "quater.config.mjs": `
import { defineConfig } from "quater";
import { definePlugin } from "quater/plugin-api";
const { DEV_CHANGES, DEV_GOES, DEV_REAL } = process.env;
const says = definePlugin(() => ({ name: "says", start: () => console.log("env:", DEV_CHANGES, DEV_GOES, DEV_REAL) }));
export default defineConfig({ name: "reads", handlers: [], plugins: [says()] });
`,
  });
  const dev = start(["dev"], { cwd: folder, env: { DEV_REAL: "real" } });
  try {
    await dev.said(/env: old there real[\s\S]*reads is ready/);
    writeFileSync(join(folder, ".env"), "DEV_CHANGES=new\n");
    await dev.said(/env: new undefined real/);
  } finally {
    dev.process.kill("SIGTERM");
    await dev.ended;
    remove();
  }
});
