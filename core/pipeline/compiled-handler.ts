// The parts of a handler that Quater compiles before the calls of the handler, so that calls do not spend time on compiling.

import type { Operation } from "../model/operation.ts";
import type { HookRunner, InvokeHooks } from "../plugin/hooks.ts";
import { type CheckMaker, checkOf, compiledCheckOf } from "../schema/compile.ts";
import { type FileField, fileFieldsOf } from "../schema/file.ts";
import { type Refinement, refinementOf } from "../schema/foreign.ts";
import { type Binder, binderOf } from "./bind.ts";
import { type OutputCheck, outputCheckOf } from "./output.ts";

export interface CompiledHandler {
  readonly bind: Binder;
  /** The check of an input schema that comes from another library, such as Zod. */
  readonly refineInput: Refinement | undefined;
  readonly hooks: HookRunner;
  /** Whether a plugin has an `admit`, `approve` or `hold` hook for the handler's calls. */
  readonly isGuarded: boolean;
  /** Whether calls of the handler wait only for their input and policy before the handler starts. Streams also wait later. */
  readonly isDirect: boolean;
  /** Whether calls of the handler may open a resource of the handler or of a policy. */
  readonly usesResources: boolean;
  /** The file fields of the handler's input by name. */
  readonly files: ReadonlyMap<string, FileField>;
  /** Checks the value that the handler returns against the output schema of the handler. For a stream, checks each item. */
  readonly checked: OutputCheck;
}

/** The values from which `HandlerCompiler` compiles a handler. */
export interface HandlerSource {
  readonly operation: Operation;
  readonly hooks: HookRunner;
  readonly maxOutputBytes: number;
  /** The project's folder. Relative paths of files in outputs are relative to this folder. */
  readonly root: string;
}

/**
 * Compiles one handler twice: at boot with the checks of `checkOf`, and before the handler's second call with compiled checks.
 */
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

  /** Returns the compiled parts of the handler for one more call. */
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
