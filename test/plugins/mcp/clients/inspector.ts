// The Inspector's command line, which is one process per request.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { bearer, calledOf, type Open, type Result, type Way } from "./session.ts";

const run = promisify(execFile);

const target = (way: Way): readonly string[] =>
  way.over === "http"
    ? [way.url, "--transport", "http", "--header", `Authorization: ${bearer(way)["authorization"]}`]
    : [way.command, ...way.args, "--transport", "stdio", "-e", `QUATER_MCP_TOKEN=${way.token}`, "--cwd", way.cwd];

const ask = async (way: Way, ...argv: readonly string[]): Promise<string> => {
  const { stdout } = await run("mcp-inspector", ["--cli", ...target(way), ...argv], { env: process.env });
  return stdout;
};

/** Runs `tools/list --strict`, which fails when a schema is not portable. @returns Its exit code and its complaints. */
export const strictList = async (way: Way): Promise<string> => {
  try {
    await ask(way, "--method", "tools/list", "--strict");
    return "ok";
  } catch (error) {
    const { code, stderr } = error as { code?: number; stderr?: string };
    return `exit ${code}: ${stderr}`;
  }
};

export const inspector: Open = async (way) => ({
  list: async () =>
    (JSON.parse(await ask(way, "--method", "tools/list")) as { tools: { name: string }[] }).tools.map(({ name }) => name),
  call: async (name, values) => {
    const pairs = Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    const args = pairs.length === 0 ? [] : ["--tool-arg", ...pairs];
    try {
      return calledOf(JSON.parse(await ask(way, "--method", "tools/call", "--tool-name", name, ...args)) as Result);
    } catch (error) {
      const { stdout = "" } = error as { stdout?: string };
      if (!stdout.startsWith("{")) throw error;
      return calledOf(JSON.parse(stdout) as Result); // a tool error also ends with an exit code
    }
  },
  close: async () => {},
});
