// The parts of an example project: a handler, its test, a manifest, and texts about them.

import type { CommandOf } from "./scripts.ts";

export interface Project {
  readonly name: string;
  /** The words before a program of a dependency: `npx`, `pnpm exec`. */
  readonly exec: string;
  readonly command: CommandOf;
}

export interface ProjectFile {
  /** The path below the project's folder, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Example {
  /** What the example shows, for the help: `a handler that needs approval`. */
  readonly purpose: string;
  /** The scopes of the development key, as the manifest names them. */
  readonly scopes: readonly string[];
  /** The files. The manifest comes last, so if the manifest exists, the other files were written, too. */
  readonly files: (project: Project) => readonly ProjectFile[];
  /** The example's part of README.md. */
  readonly readme: (project: Project) => {
    /** The end of the sentence "A backend on Quater: ...". */
    readonly about: string;
    /** Commands with their explanations, for the table of commands, between the commands that serve and check the project. */
    readonly rows: readonly (readonly [command: string, what: string])[];
    readonly createKey: string;
    /** Markdown that follows the table of commands. */
    readonly more: string;
  };
  /** Command lines to paste, at most one per surface. */
  readonly calls: (project: Project, server: { readonly url: string; readonly header: string }) => readonly string[];
}
