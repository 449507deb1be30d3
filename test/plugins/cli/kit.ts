// Runs the `quater` program for tests, in this process with separate streams, or in a child process.

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../../plugins/cli/program/program.ts";
import { builtPackage, builtProgram, linkQuater } from "../../built.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Returns the path of a fixture, which is a folder with a manifest. */
export const fixture = (name: string): string => join(here, "fixtures", name);
export const shop = fixture("shop");

export interface Typed {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Whether standard output and standard error are terminals. */
  readonly isTerminal?: boolean;
  /** Whether standard input is a terminal. */
  readonly isTyping?: boolean;
  readonly columns?: number;
  readonly interrupt?: AbortSignal;
  /** Receives each piece of standard output. */
  readonly onOutput?: (text: string) => void;
  /** Receives each piece of standard error. */
  readonly onError?: (text: string) => void;
}

export interface Seen {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the `quater` program in this process. */
export const quater = async (argv: readonly string[], typed: Typed = {}): Promise<Seen> => {
  const { cwd = shop, env = {}, stdin = "", isTerminal = false, isTyping = false, columns = 200 } = typed;
  const { interrupt, onOutput, onError } = typed;
  const outputs = [new PassThrough(), new PassThrough()] as const;
  const [stdout, stderr] = outputs.map((stream) => (isTerminal ? Object.assign(stream, { isTTY: true, columns }) : stream));
  const texts = outputs.map(textOf);
  if (onOutput !== undefined) outputs[0].on("data", (part: Buffer) => onOutput(part.toString()));
  if (onError !== undefined) outputs[1].on("data", (part: Buffer) => onError(part.toString()));
  const code = await runProgram({
    argv,
    env: { NO_COLOR: "1", ...env },
    cwd,
    stdin: Object.assign(Readable.from(stdin === "" ? [] : [Buffer.from(stdin)]), isTyping ? { isTTY: true } : {}),
    stdout: stdout as PassThrough,
    stderr: stderr as PassThrough,
    ...(interrupt === undefined ? {} : { interrupt }),
  });
  for (const stream of outputs) stream.end();
  const [out = "", err = ""] = await Promise.all(texts);
  return { code, out, err };
};

const textOf = async (stream: Readable): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
};

export interface Child extends Seen {
  readonly signal: NodeJS.Signals | null;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Child>;
  /** Resolves with the text of standard error when the text matches the pattern. */
  readonly said: (pattern: RegExp) => Promise<string>;
}

/**
 * Starts the built `quater` program in a child process. In the folder `cwd`, the import `quater` must resolve to the built
 * package.
 */
export const start = (argv: readonly string[], { cwd, env = {} }: Typed & { readonly cwd: string }): Started => {
  const child = spawn(process.execPath, [builtProgram(), ...argv], {
    cwd,
    env: { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "", ...env },
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (part: Buffer) => {
    out += part.toString();
  });
  child.stderr.on("data", (part: Buffer) => {
    err += part.toString();
  });
  const ended = new Promise<Child>((resolve) => {
    child.on("close", (code, signal) => resolve({ code: code ?? -1, signal, out, err }));
  });
  const said = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => pattern.test(err) && resolve(err);
      look();
      child.stderr.on("data", look);
      void ended.then(() => reject(new Error(`It ended without saying ${pattern}: ${err}`)));
    });
  return { process: child, ended, said };
};

export interface Project {
  readonly folder: string;
  readonly remove: () => void;
}

/** Creates a project in a separate folder. @param packageFolder  The package to which `quater` resolves. Default: the sources. */
export const project = (files: Readonly<Record<string, string>>, packageFolder?: string): Project => {
  const folder = mkdtempSync(join(tmpdir(), "quater-project-"));
  linkQuater(folder, packageFolder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
};

/** Creates a project for started programs. In this project, `quater` resolves to the built package. */
export const builtProject = (files: Readonly<Record<string, string>> = {}): Project => project(files, builtPackage());

/**
 * Copies a fixture for started programs. The manifest of the copy is a TypeScript file, because the manifest imports TypeScript
 * files.
 */
export const builtFixture = (name: string): Project => {
  const made = builtProject();
  cpSync(fixture(name), made.folder, { recursive: true });
  const manifest = join(made.folder, "quater.config.mjs");
  if (existsSync(manifest)) renameSync(manifest, manifest.replace(/mjs$/, "ts"));
  return made;
};
