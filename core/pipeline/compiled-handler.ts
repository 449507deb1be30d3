// The parts of a handler that are compiled once at boot, so that calls do not spend time on them.

import type { Operation } from "../model/operation.ts";
import type { HookRunner, InvokeHooks } from "../plugin/hooks.ts";
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

const guarding = ["admit", "approve", "hold"] as const satisfies (keyof InvokeHooks)[];
const waiting = [...guarding, "authorize", "around"] as const satisfies (keyof InvokeHooks)[];

export const compiledHandlerOf = (
  operation: Operation,
  hooks: HookRunner,
  maxOutputBytes: number,
  root: string,
): CompiledHandler => {
  const usesResources = operation.handler.use !== undefined || operation.policy.usesResources;
  const refineInput = refinementOf(operation.handler.input, `The input of ${operation.name}`, "input");
  const files = new Map(fileFieldsOf(operation.input).map((field) => [field.name, field]));
  return {
    refineInput,
    bind: binderOf(operation.input),
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
    checked: outputCheckOf(operation, maxOutputBytes, root),
  };
};
