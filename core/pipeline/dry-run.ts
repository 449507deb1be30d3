// A dry run: the first stages of the pipeline, then what approval would answer and the handler's preview.

import { type Call, digestOf, previewOf, StagedCall } from "../model/call.ts";
import { masked } from "../schema/schema.ts";
import type { CompiledHandler } from "./compiled-handler.ts";
import { auth, bind, judgeStatic, refine } from "./pipeline.ts";
import { type CallUploads, type InputSource, inputOf } from "./uploads.ts";

/** What a dry run answers. */
export interface DryRun {
  readonly handler: string;
  /** As it was bound, with secrets masked. */
  readonly input: unknown;
  readonly argumentsHash: string;
  readonly auth: { readonly allowed: true; readonly by: string };
  /** Whether people must agree, and what the plugin that asks them adds. */
  readonly approval: unknown;
  /** What the handler's `preview` returned, where the exposure shows it to callers. */
  readonly preview?: unknown;
}

/** Binds and authorizes as in a real call, then asks what approval would say. Files and runs nothing. */
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
