// The parts of a handler that are compiled before its calls, so that calls do not spend time on them.

import type { Operation } from "../model/operation.ts";
import type { HookRunner, InvokeHooks } from "../plugin/hooks.ts";
import { type CheckMaker, checkOf, compiledCheckOf } from "../schema/compile.ts";
import { type FileField, fileFieldsOf } from "../schema/file.ts";
import { type Refinement, refinementOf } from "../schema/foreign.ts";
import { type Binder, binderOf } from "./bind.ts";
import { type OutputCheck, outputCheckOf } from "./output.ts";

export interface CompiledHandler {
  readonly bind: Binder;
  /** The check of an input schema that another library, such as Zod, brings. */
  readonly refineInput: Refinement | undefined;
  readonly hooks: HookRunner;
  /** Whether a plugin has an `admit`, `approve` or `hold` hook for the handler's calls. */
  readonly isGuarded: boolean;
  /** Whether calls wait only for their input and policy before the handler starts. Streams also wait later. */
  readonly isDirect: boolean;
  /** Whether calls may open a resource of the handler or of a policy. */
  readonly usesResources: boolean;
  /** The file fields of the input by name. */
  readonly files: ReadonlyMap<string, FileField>;
  /** Checks the value that the handler returns against its output schema, item by item for a stream. */
  readonly checked: OutputCheck;
}

/** From what a handler is compiled. */
export interface HandlerSource {
  readonly operation: Operation;
  readonly hooks: HookRunner;
  readonly maxOutputBytes: number;
  /** The project's folder. Relative paths of files in outputs start there. */
  readonly root: string;
}

/** Compiles one handler: at boot with the checks of `checkOf`, and before its second call with compiled checks. */
export class HandlerCompiler {
  readonly hooks: HookRunner;
  readonly #source: HandlerSource;
  #parts: CompiledHandler;
  #calls = 0;

  constructor(source: HandlerSource) {
    this.#source = source;
    this.hooks = source.hooks;
    this.#parts = compiledHandlerOf(source, checkOf);
  }

  /** Returns the parts for one more call. */
  forCall(): CompiledHandler {
    if (this.#calls < 2 && ++this.#calls === 2) this.#parts = compiledHandlerOf(this.#source, compiledCheckOf);
    return this.#parts;
  }
}

const guarding = ["admit", "approve", "hold"] as const satisfies (keyof InvokeHooks)[];
const waiting = [...guarding, "authorize", "around"] as const satisfies (keyof InvokeHooks)[];

const compiledHandlerOf = ({ operation, hooks, maxOutputBytes, root }: HandlerSource, makeCheck: CheckMaker): CompiledHandler => {
  const usesResources = operation.handler.use !== undefined || operation.policy.usesResources;
  const refineInput = refinementOf(operation.handler.input, `The input of ${operation.name}`, "input");
  const files = new Map(fileFieldsOf(operation.input).map((field) => [field.name, field]));
  return {
    refineInput,
    bind: binderOf(operation.input, makeCheck),
    hooks,
    isGuarded: guarding.some((name) => hooks.has[name]),
    isDirect:
      !operation.isStream &&
      !usesResources &&
      refineInput === undefined &&
      files.size === 0 &&
      !waiting.some((name) => hooks.has[name]),
    usesResources,
    files,
    checked: outputCheckOf(operation, maxOutputBytes, root, makeCheck),
  };
};
