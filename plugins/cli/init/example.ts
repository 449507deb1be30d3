// The type of an example project: a handler, its test, a manifest, and texts about the project.

import type { CommandOf } from "./scripts.ts";

export interface Project {
  readonly name: string;
  /** The words before a program of a dependency, such as `npx` or `pnpm exec`. */
  readonly exec: string;
  readonly command: CommandOf;
}

export interface ProjectFile {
  /** The path of the file below the project's folder, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Example {
  /** A phrase about the example for the help text, such as `a handler that needs approval`. */
  readonly purpose: string;
  /** The scopes of the development key. The manifest of the example uses the same scopes. */
  readonly scopes: readonly string[];
  /** Returns the files of the example. The manifest comes last, so an existing manifest shows that the other files exist, too. */
  readonly files: (project: Project) => readonly ProjectFile[];
  /** Returns the example's part of README.md. */
  readonly readme: (project: Project) => {
    /** The end of the README's first sentence, which begins "A backend on Quater: ...". */
    readonly about: string;
    /** More rows for the README's table of commands. The rows come after the serve commands and before the check commands. */
    readonly rows: readonly (readonly [command: string, what: string])[];
    readonly createKey: string;
    /** Markdown text that follows the README's table of commands. */
    readonly more: string;
  };
  /** Returns command lines that call the example's handlers, at most one command line per surface. */
  readonly calls: (project: Project, server: { readonly url: string; readonly header: string }) => readonly string[];
}
