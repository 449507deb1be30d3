// A dry run: it runs the first stages of the pipeline, and returns what the approval plugin would answer and the handler's
// preview.

import { type Call, digestOf, previewOf, StagedCall } from "../model/call.ts";
import { masked } from "../schema/schema.ts";
import type { CompiledHandler } from "./compiled-handler.ts";
import { auth, bind, judgeStatic, refine } from "./pipeline.ts";
import { type CallUploads, type InputSource, inputOf } from "./uploads.ts";

/** The answer of a dry run. */
export interface DryRun {
  readonly handler: string;
  /** The bound input with its secrets masked. */
  readonly input: unknown;
  readonly argumentsHash: string;
  readonly auth: { readonly allowed: true; readonly by: string };
  /** What the approval plugin would answer: whether people must approve the call, and its own details. */
  readonly approval: unknown;
  /** The handler's preview, if the exposure shows it to callers. */
  readonly preview?: unknown;
}

/**
 * Binds and authorizes as in a real call, then calls the `forecast` hook. It files no approval request and does not run the
 * handler.
 */
export const rehearse = async (
  call: Call,
  given: InputSource,
  compiled: CompiledHandler,
  uploads: CallUploads | undefined,
): Promise<DryRun> => {
  judgeStatic(call);
  const read = await inputOf(given, uploads);
  await StagedCall.enterAgain(call);
  judgeStatic(call);
  const authorized = await auth(await refine(bind(call, read, compiled), compiled), compiled);
  const { operation } = call;
  const forecast = await compiled.hooks.first("forecast", authorized);
  const isShown = operation.handler.preview !== undefined && operation.showsPreview;
  return {
    handler: call.handler,
    input: masked(operation.input, authorized.input),
    argumentsHash: digestOf(authorized),
    auth: { allowed: true, by: authorized.allowedBy },
    approval: forecast ?? { required: compiled.hooks.has.approve },
    ...(isShown ? { preview: await previewOf(authorized) } : {}),
  };
};
