// The last lines of a server's log, however its process ends.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { builtProgram } from "../../built.ts";
import { builtProject } from "./kit.ts";

const { folder, remove } = builtProject({
  "quater.config.mjs": `
import { defineConfig } from "quater";
import { definePlugin } from "quater/plugin-api";
import { http, httpRef } from "quater/http";
const ending = definePlugin(() => ({
  name: "ending",
  needs: [httpRef],
  setup: ({ services, log }) =>
    services.get(httpRef).mount("GET /end/:how", ({ router }) => {
      router.get("/end/:how", (ctx) => {
        for (let n = 0; n < 100; n++) log.info("line " + n);
        if (ctx.params.how === "exit") process.exit(3);
        if (ctx.params.how === "uncaught") queueMicrotask(() => { throw new Error("uncaught"); });
        if (ctx.params.how === "SIGTERM") process.kill(process.pid, "SIGTERM");
        if (ctx.params.how === "console") console.log("between"), log.info("line 100"), process.exit(4);
        ctx.body = "ended";
      });
    }),
}));
export default defineConfig({ name: "ending", handlers: [], plugins: [http({ port: 0 }), ending()] });
`,
});
afterAll(remove);

const hundred = Array.from({ length: 100 }, (_, n) => `line ${n}`);

/** Runs a server that ends in this way. @returns Its exit code, and the messages of its log after it was ready. */
const endedBy = async (how: string, kind: "file" | "pipe") => {
  const path = join(folder, `${how}-${kind}.log`);
  const file = openSync(path, "w");
  const child = spawn(process.execPath, [builtProgram(), "serve"], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "ignore", kind === "file" ? file : "pipe"],
  });
  closeSync(file);
  let piped = "";
  child.stderr?.on("data", (part: Buffer) => {
    piped += part.toString();
  });
  const text = () => (kind === "file" ? readFileSync(path, "utf8") : piped);
  const closed = once(child, "close") as Promise<[number]>;
  await expect.poll(text).toMatch(/"message":"ending is ready"/);
  await fetch(`${/"url":"([^"]+)"/.exec(text())?.[1]}/end/${how}`).catch(() => {});
  const [code] = await closed;
  const lines = text().trimEnd().split("\n");
  const messages = lines.map((line) => (line.startsWith("{") ? (JSON.parse(line) as { message: string }).message : line));
  return { code, messages: messages.slice(messages.indexOf("ending is ready") + 1) };
};

test.each(["file", "pipe"] as const)(
  "all log lines of quater reach a %s in order when a handler calls process.exit",
  async (kind) => {
    expect(await endedBy("exit", kind)).toEqual({ code: 3, messages: hundred });
  },
);

test.each(["file", "pipe"] as const)(
  "all log lines of quater reach a %s in order, before the log line of an uncaught error",
  async (kind) => {
    const { code, messages } = await endedBy("uncaught", kind);
    expect(code).toBe(70);
    expect(messages.slice(0, 101)).toEqual([...hundred, "Unexpected failure"]);
  },
);

test.each(["file", "pipe"] as const)("all log lines of quater reach a %s in order after SIGTERM", async (kind) => {
  const { code, messages } = await endedBy("SIGTERM", kind);
  expect(code).toBe(0);
  expect(messages.slice(0, 100)).toEqual(hundred);
  expect(messages).toEqual(expect.arrayContaining(["request", "The server stops after SIGTERM"]));
});

test("text that a handler prints with console.log keeps its place between the log lines of quater", async () => {
  expect(await endedBy("console", "file")).toEqual({ code: 4, messages: [...hundred, "between", "line 100"] });
});
