// Makes dry runs. A dry run runs the first stages of the pipeline, and returns the forecast of the approval plugin and the
// preview of the handler.

import { type Call, digestOf, previewOf, StagedCall } from "../model/call.ts";
import { masked } from "../schema/schema.ts";
import type { CompiledHandler } from "./compiled-handler.ts";
import { auth, bind, judgeStatic, refine } from "./pipeline.ts";
import { type CallUploads, type InputSource, inputOf } from "./uploads.ts";

/** The answer that the caller of a dry run gets. */
export interface DryRun {
  readonly handler: string;
  /** The bound input of the call, in which Quater masks secret fields. */
  readonly input: unknown;
  readonly argumentsHash: string;
  readonly auth: { readonly allowed: true; readonly by: string };
  /** The forecast of the approval plugin. The forecast says whether people must approve the call, and contains details. */
  readonly approval: unknown;
  /** The preview of the handler, if the exposure shows the preview to callers. */
  readonly preview?: unknown;
}

/**
 * Binds and authorizes the call as in a real call, and then calls the `forecast` hook. A dry run files no approval request and
 * does not run the handler.
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
