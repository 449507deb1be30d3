// The command `quater dev`, which runs the server in a child process and replaces the child process when a file changes. A new
// process runs only the new code. A reload in the same process cannot guarantee that only the new code runs.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, relative, resolve } from "node:path";
import type { Kernel } from "../../../core/boot/kernel.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import { approvalsRef } from "../../offered.ts";
import { parts } from "../../parts.ts";
import { keepActions } from "../completion/keep.ts";
import { type Callable, callables, linesOf } from "../dev-page/calls.ts";
import { devPageEntry, mountDevPage } from "../dev-page/mount.ts";
import { type ExposureReport, exposureOf } from "../exposure/exposure.ts";
import { exposureChanges } from "../exposure/exposure-change.ts";
import { exit } from "../output/exit.ts";
import { type StartReport, startReport, startText } from "../output/start-report.ts";
import { load } from "../program/boot.ts";
import type { Context, Env } from "../program/context.ts";
import { Option, ProgramCommand, usage } from "../program/family.ts";
import { programWords } from "../program/program-words.ts";
import { serveUntilStopped, type TakenPort, takenPortOf } from "../program/serving.ts";

class Dev extends ProgramCommand {
  static override paths = [["dev"]];
  static override usage = usage({
    description:
      "Serves for development: restarts when a file changes, accepts a development key, and serves the API documents without a key.",
    details:
      "The development key is in .quater/development-key. If a handler needs approval, the key of a demo approver is in .quater/demo-approver-key. `quater serve` refuses both keys.",
    examples: [["Serve until Ctrl-C", "quater dev"]],
  });

  isOnce = Option.Boolean("--no-watch", false, {
    description: "Serve in the same process, and do not restart when a file changes",
  });

  perform(program: Context): Promise<number> {
    return this.isOnce ? serveOnce(program) : watch(program);
  }
}

/** The message that the child process sends once its server listens. */
interface Ready {
  /** The files of the project that the child process loaded, if the module loader reports them. */
  readonly files: readonly string[] | undefined;
  readonly exposure: ExposureReport;
  readonly text: string;
}

/** The message that the child process sends before it ends because another process uses its port. */
interface Taken {
  readonly taken: TakenPort;
}

const serveOnce = async (program: Context): Promise<number> => {
  const keys = await parts.developmentKeys?.();
  const { terminal } = program;
  const ready: Parameters<typeof serveUntilStopped>[2] = async (kernel, _log, loaded) => {
    const exposure = exposureOf(kernel);
    keepActions(kernel.project.root, kernel.catalog.operations);
    const key = keys?.developmentKey(kernel.project.root, rightsOf(kernel));
    const approvers = approverRolesOf(kernel);
    const approverKey = approvers === undefined ? undefined : keys?.demoApproverKey(kernel.project.root, approvers);
    const report = await startReport(kernel, exposure, program, { key, approverKey });
    const called = await callables({ kernel, program: programWords(program), key: key ?? "<key>" });
    const text = startText({ ...report, ...devReport(report, called) }, terminal.paintError);
    if (process.send === undefined) terminal.say(text);
    else process.send({ exposure, text, files: loaded.files?.() } satisfies Ready);
  };
  return serveUntilStopped(program, "dev", ready, (kernel) => mountDevPage(kernel, program)).catch(async (error: unknown) => {
    const taken = takenPortOf(error);
    if (taken !== undefined && process.send !== undefined)
      await new Promise((told) => process.send?.({ taken } satisfies Taken, undefined, undefined, told));
    throw error;
  });
};

/** Returns the start report with the URL of the page at `/` and the command lines of all routes and actions. */
const devReport = ({ url, urls, curl, exposure }: StartReport, called: readonly Callable[]): Partial<StartReport> => {
  const { lines, more } = linesOf(called);
  const others = lines.filter((line) => line !== curl);
  const rest = more === 0 ? [] : [`# ${more} more at ${url ?? "quater actions"}`];
  return {
    urls: exposure.outsideThePipeline.includes(devPageEntry) ? [["Page", `${url}/`], ...urls] : urls,
    calls: [...others, ...rest],
  };
};

/** Returns all scopes and roles that policies of the project name, so that the development key may make every call. */
const rightsOf = ({ catalog }: Kernel) => {
  const policies = catalog.operations.map(({ policy }) => policy);
  return {
    scopes: [...new Set(policies.flatMap(({ scopes }) => scopes))].sort(),
    roles: [...new Set(policies.flatMap(({ roles }) => roles))].sort(),
  };
};

/** Returns the roles that approval policies of the project name; undefined if no call needs approval. */
const approverRolesOf = ({ catalog, services }: Kernel): readonly string[] | undefined => {
  const approvals = services.find(approvalsRef);
  const requirements = catalog.operations.flatMap((operation) => approvals?.requirementOf(operation) ?? []);
  if (requirements.length === 0) return undefined;
  return [...new Set(requirements.flatMap(({ approvers }) => approvers.flatMap(({ role }) => role ?? [])))].sort();
};

/** Matches the folders and test files whose changes do not restart the server. */
const quiet = /(?:^|[/\\])(?:node_modules|dist|coverage|tests?|\.(?!env$)[^/\\]+)(?:[/\\]|$)|\.test\.\w+$/;
const relevant = /(?:\.(?:ts|mts|cts|tsx|js|mjs|cjs|json)|\.env)$/;

const watch = async (program: Context): Promise<number> => {
  const { terminal } = program;
  // The environment before this process read .env. Variables of the environment have priority over .env. So a child process with
  // the variables of this process would ignore a changed or removed line of .env.
  const env = { ...program.env };
  const { file, root } = await load(program).catch((error: unknown) => {
    // Watch a manifest that does not load yet, if the file of the manifest exists.
    const place = program.config ?? "quater.config.ts";
    if (!existsSync(resolve(program.cwd, place))) throw error; // Without a manifest file, there is no file to watch.
    if (program.config === undefined) return { file: place, root: program.cwd };
    if (error instanceof Error) return { file: place, root: dirname(place) };
    throw error;
  });
  const { watch: watchFiles } = await import("chokidar");
  const runner = new Runner(program, env, file);
  const watcher = watchFiles(root, {
    ignoreInitial: true,
    ignored: (path, stats) => quiet.test(relative(root, path)) || (stats?.isFile() === true && !relevant.test(path)),
  });
  watcher.on("all", (_event, path) => runner.changed(path, relative(root, path)));
  const interrupt = program.heedInterrupt();
  runner.start();
  await new Promise<void>((resolve) => {
    if (interrupt.aborted) resolve();
    interrupt.addEventListener("abort", () => resolve(), { once: true });
  });
  terminal.say("\n");
  await Promise.all([watcher.close(), runner.stop()]);
  return exit.ok;
};

/**
 * Runs one child process at a time. If a file changes while a child process starts, the restart waits for the end of the start.
 */
class Runner {
  readonly #program: Context;
  readonly #env: Env;
  readonly #file: string;
  #child: ChildProcess | undefined;
  #last: ExposureReport | undefined;
  #files: ReadonlySet<string> | undefined;
  #begin = performance.now();
  #timer: NodeJS.Timeout | undefined;
  /** The port that another process uses, if the last child process ended for this reason. */
  #taken: TakenPort | undefined;
  #isStopping = false;

  constructor(program: Context, env: Env, file: string) {
    this.#program = program;
    this.#env = env;
    this.#file = file;
  }

  start(): void {
    const { terminal, cwd } = this.#program;
    this.#begin = performance.now();
    this.#files = undefined;
    this.#taken = undefined;
    const entry = process.argv[1] ?? "";
    const child = spawn(process.execPath, [...process.execArgv, entry, "dev", "--no-watch", "--config", this.#file], {
      cwd,
      env: this.#env as NodeJS.ProcessEnv,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    child.on("message", (message: Ready | Taken) => {
      if (!("taken" in message)) return this.#ready(message);
      this.#taken = message.taken;
      this.#startOnceFree(message.taken);
    });
    child.on("exit", (code) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (this.#isStopping) return;
      const line =
        this.#taken === undefined
          ? `The server stopped with exit code ${code}. quater dev starts the server again when a file changes`
          : `Waiting until port ${this.#taken.port} is free or a file changes`;
      terminal.say(`${terminal.paintError("dim", line)}\n`);
    });
  }

  /**
   * Starts a child process again after one second. No event reports that a port became free, so the runner repeats the attempt
   * each second until a changed file has started a child process.
   */
  #startOnceFree(taken: TakenPort): void {
    setTimeout(async () => {
      const isFree = this.#child === undefined && (await canListen(taken));
      if (this.#taken !== taken || this.#isStopping) return;
      if (isFree) this.start();
      else this.#startOnceFree(taken);
    }, 1_000).unref();
  }

  /**
   * Restarts the server when a file has changed that the running child process has loaded. Without a running child process, any
   * changed file may correct the mistake.
   */
  changed(path: string, shown: string): void {
    const isLoaded = this.#files === undefined || this.#files.has(path) || path.endsWith(".env") || path === this.#file;
    if (this.#child !== undefined && !isLoaded) return;
    clearTimeout(this.#timer);
    // Wait a moment before the restart, because editors write a file in several steps.
    this.#timer = setTimeout(() => {
      this.#program.terminal.say(`${this.#program.terminal.paintError("dim", `${visible(shown)} changed`)}\n`);
      void this.#end().then(() => this.start());
    }, 30);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await this.#end();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), 2_000).unref();
    });
  }

  #ready({ exposure, text, files }: Ready): void {
    this.#files = files === undefined ? undefined : new Set(files);
    const { terminal } = this.#program;
    const took = `${Math.round(performance.now() - this.#begin)} ms`;
    if (this.#last === undefined) terminal.say(text);
    else {
      const changes = exposureChanges(this.#last, exposure);
      for (const { isWider, line } of changes)
        terminal.say(`  ${terminal.paintError(isWider ? "yellow" : "dim", visible(line))}\n`);
      terminal.say(`Restarted in ${took}${changes.length === 0 ? ", the exposure is the same" : ""}\n`);
    }
    this.#last = exposure;
  }
}

const canListen = ({ port, address }: TakenPort): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });

export const commands = [Dev];
