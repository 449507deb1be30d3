// The two servers that chaos kills, stops and replaces. Each keeps its port for all of its processes.

import { freePort } from "../plugins/store/postgres.ts";
import type { Project } from "./project.ts";

type Process = ReturnType<Project["serve"]>;

export class Instance {
  readonly baseUrl: string;
  readonly #project: Project;
  readonly #port: number;
  #process: Process | undefined;
  /** Exit codes of processes that ended although chaos did not end them, with the end of their log. */
  readonly deaths: string[] = [];
  /** Of the handler; 2 after the rolling deploy. */
  version: 1 | 2 = 1;

  private constructor(project: Project, port: number) {
    this.#project = project;
    this.#port = port;
    this.baseUrl = `http://127.0.0.1:${port}`;
  }

  /** A place for a server on a free port; `start` starts the first process. */
  static async on(project: Project): Promise<Instance> {
    return new Instance(project, await freePort());
  }

  /** @throws when the server is not ready within a minute. */
  async start(): Promise<void> {
    const started = this.#project.serve(this.#port, this.version);
    this.#process = started;
    void started.ended.then(({ code, err }) => {
      if (this.#process === started) this.deaths.push(`exit code ${code}: ${err.slice(-1_500)}`);
    });
    await this.ready(60_000);
  }

  async ready(withinMs: number): Promise<void> {
    const end = Date.now() + withinMs;
    for (;;) {
      if (this.deaths.length > 0) throw new Error(`The server ended with ${this.deaths.join("\n")}`);
      const status = await fetch(`${this.baseUrl}/ready`, { signal: AbortSignal.timeout(2_000) }).then(
        (response) => response.status,
        () => 0,
      );
      if (status === 200) return;
      if (Date.now() > end) throw new Error(`${this.baseUrl}/ready answered ${status} for ${withinMs} ms`);
      await pause(100);
    }
  }

  /** SIGKILL, in the middle of the work. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM. @returns The exit code. */
  terminate(): Promise<number> {
    return this.#end("SIGTERM");
  }

  /** Stands still for `milliseconds`, as a paused virtual machine does. */
  async standStill(milliseconds: number): Promise<void> {
    this.#process?.process.kill("SIGSTOP");
    await pause(milliseconds);
    this.#process?.process.kill("SIGCONT");
  }

  async #end(signal: NodeJS.Signals): Promise<number> {
    const ending = this.#process;
    this.#process = undefined; // an expected death
    ending?.process.kill(signal);
    return (await ending?.ended)?.code ?? 0;
  }
}

export const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
