// Functions for tests that use the package of Quater like a user. The tests pack the package from a copy of the checkout, install
// the package with real package managers, and start processes.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Creates a folder outside of the checkout, so that no import in the folder finds the node_modules of the checkout by accident.
 */
export const emptyFolder = (): { readonly folder: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), "quater-packed-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
};

/**
 * Returns the environment variables of a new shell, without the variables of the package manager and the test runner. The result
 * contains the variables with the address of the registry and the access to the registry.
 */
const shellEnv = (): NodeJS.ProcessEnv => {
  const kept =
    /^(?:npm_config_(?:registry|cache|userconfig|globalconfig|cafile|strict_ssl|.*proxy)|node_extra_ca_certs|yarn_npm_registry_server)$/i;
  const own = Object.entries(process.env).filter(
    ([name]) => kept.test(name) || !/^(?:npm_|vitest|quater_|node_|init_cwd$|dev$|test$|prod$|mode$|ssr$)/i.test(name),
  );
  const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  // npm does not download packages in its cache again, because these tests do not test a registry.
  const quick = { npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" };
  return { ...Object.fromEntries(own), ...quick, PATH: path, NO_COLOR: "1" };
};

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in bash, and waits until the command line has ended. */
export const shell = (line: string, cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  new Promise((resolve) => {
    const options = { cwd, env: { ...shellEnv(), ...env }, maxBuffer: 2 ** 26, encoding: "utf8" } as const;
    const child = execFile("bash", ["-c", line], options, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
    child.stdin?.end();
  });

/**
 * Runs a command line that must succeed. @throws {Error} with the output of the command line, if it fails. @returns Standard
 * output.
 */
export const succeed = async (line: string, cwd: string, env?: Readonly<Record<string, string>>): Promise<string> => {
  const { code, out, err } = await shell(line, cwd, env);
  if (code !== 0) throw new Error(`${line}\nended with ${code}\n${out}\n${err}`);
  return out;
};

/**
 * Packs a copy of the checkout into `target`. Packing changes no file of the checkout, because other tests may use its dist/.
 * @returns The tarball and its files.
 */
export const pack = async (target: string): Promise<{ readonly tarball: string; readonly files: readonly string[] }> => {
  const copy = join(target, "source");
  const left = new Set([".git", ".quater", "coverage", "dist", "docs", "node_modules", "test"]);
  for (const name of readdirSync(repository)) {
    if (!left.has(name)) cpSync(join(repository, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(repository, "node_modules"), join(copy, "node_modules"));
  const [packed] = JSON.parse(await succeed(`npm pack --silent --json --pack-destination "${target}"`, copy)) as [
    { filename: string; files: { path: string }[] },
  ];
  return { tarball: join(target, packed.filename), files: packed.files.map(({ path }) => path) };
};

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

export interface Server {
  /** The output of the server until now. */
  readonly said: () => string;
  /** Resolves with the whole output of the server when the output matches the pattern. */
  readonly saying: (pattern: RegExp) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a command line that keeps running. The command has its own process group, and all processes of the group end with the
 * command.
 */
export const serve = (line: string, cwd: string): Server => {
  const child: ChildProcess = spawn("bash", ["-c", line], {
    cwd,
    env: shellEnv(),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (part: Buffer) => {
      text += part.toString();
    });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    said: () => text,
    saying: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => pattern.test(text) && resolve(text);
        look();
        child.stdout?.on("data", look);
        child.stderr?.on("data", look);
        void ended.then(() => reject(new Error(`It ended without saying ${pattern}:\n${text}`)));
      }),
    stop: async () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
      await ended;
    },
  };
};
