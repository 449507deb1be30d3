// The project that chaos runs: one handler that needs approval, on a PostgreSQL, with a sink. Every process is the real
// `quater` program.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { builtProject, type Started, start } from "../plugins/cli/kit.ts";

/** Short, so that a process can be stopped for longer than its lease within a test. */
export const leaseMs = 2_000;

/** The handler began. */
export interface Effect {
  readonly key: string;
  readonly callId: string;
}

export interface Project {
  readonly root: string;
  /** Authorization headers: `robot` asks on behalf of ana, `bea` approves. */
  readonly robot: string;
  readonly bea: string;
  /** Every start of the handler, by all processes, in order. */
  readonly effects: () => readonly Effect[];
  /** Runs `quater ...` in the project. */
  readonly quater: (words: string) => Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
  readonly serve: (port: number, version: 1 | 2) => Started;
  readonly remove: () => void;
}

/**
 * Version 2 of the handler has one more input, with a default. An effect is one line, appended in one write, before the
 * handler waits.
 */
const handlers = `
import { appendFileSync } from "node:fs";
import { authenticated, handler, Type } from "quater";
const added = process.env.CHAOS_VERSION === "2" ? { memo: Type.String({ default: "none" }) } : {};
export const pay = handler({
  description: "Pay somebody.",
  effect: "write",
  input: Type.Object({ key: Type.String(), ...added }),
  auth: authenticated,
  handle: async ({ key }, { callId }) => {
    appendFileSync("effects.jsonl", JSON.stringify({ key, callId }) + "\\n");
    await new Promise((resolve) => setTimeout(resolve, key.length % 3 === 0 ? 40 : 5));
    return { key };
  },
});
`;

const config = (url: string) => `
import { defineConfig, expose } from "quater";
import { apiKeys, approval, audit, cli, http, store } from "quater/plugins";
export default defineConfig({
  name: "chaos",
  drainMs: 5000,
  handlers: [expose(() => import("./handlers.mjs"), { pay: { http: "POST /payments", approval: "finance" } })],
  plugins: [
    http({ port: Number(process.env.CHAOS_PORT ?? 0), authenticate: apiKeys() }),
    cli(),
    store({ url: ${JSON.stringify(url)} }),
    audit({ leaseMs: ${leaseMs}, sinks: [{ file: "checkpoints.jsonl" }] }),
    approval({
      authenticate: apiKeys(),
      publicUrl: "http://127.0.0.1:1",
      policies: { finance: { approvers: [{ role: "finance" }], usableForMs: 3600000 } },
      maxPending: 10000,
      maxFiledPerHour: 100000,

    }),
  ],
});
`;

/** @param url  Of an empty PostgreSQL database. */
export const chaosProject = async (url: string): Promise<Project> => {
  const { folder: root, remove } = builtProject({ "handlers.mjs": handlers, "quater.config.mjs": config(url) });
  const quater = (words: string) => start(words.split(" "), { cwd: root }).ended;
  const key = async (words: string): Promise<string> => {
    const { code, out, err } = await quater(`keys create ${words} --no-json`);
    if (code !== 0) throw new Error(`keys create ended with ${code}: ${err}`);
    return `Bearer ${out.trim()}`;
  };
  const robot = await key("--name robot --kind agent --acts-for ana");
  const bea = await key("--name bea --kind user --person bea --roles finance");
  const effectsFile = join(root, "effects.jsonl");
  return {
    root,
    robot,
    bea,
    effects: () => {
      if (!existsSync(effectsFile)) return [];
      const lines = readFileSync(effectsFile, "utf8").split("\n").filter(Boolean);
      return lines.map((line) => JSON.parse(line) as Effect);
    },
    quater,
    serve: (port, version) => start(["serve"], { cwd: root, env: { CHAOS_PORT: String(port), CHAOS_VERSION: String(version) } }),
    remove,
  };
};
