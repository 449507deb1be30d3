// The parts of an example: a handler, its test, a manifest, and texts about them.

import type { CommandOf } from "./scripts.ts";

export interface Project {
  readonly name: string;
  /** `npx`, `pnpm exec`. */
  readonly exec: string;
  readonly command: CommandOf;
}

export interface ProjectFile {
  /** Under the project's folder, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Example {
  /** Of the development key, in the manifest's words. */
  readonly scopes: readonly string[];
  /** The manifest comes last: where it is, the others were. */
  readonly files: (project: Project) => readonly ProjectFile[];
  /** Its part of README.md. */
  readonly readme: (project: Project) => {
    /** The end of a sentence: "A backend on Quater: ...". */
    readonly about: string;
    /** Commands and what they do, between serving and checking. */
    readonly rows: readonly (readonly [command: string, what: string])[];
    readonly createKey: string;
    /** Markdown below the table. */
    readonly more: string;
  };
  /** Lines to paste, at most one per surface. */
  readonly calls: (project: Project, server: { readonly url: string; readonly header: string }) => readonly string[];
}
