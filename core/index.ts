// The entry `quater`, which exports the functions and types for authors of handlers and manifests.

export { defineConfig, type Manifest } from "./boot/manifest.ts";
export {
  conflict,
  forbidden,
  invalid,
  isQuaterError,
  notFound,
  outcomeUnknown,
  QuaterError,
  rateLimited,
  unavailable,
} from "./diagnostics/errors.ts";
export { problem } from "./diagnostics/own-problem.ts";
export { authenticator } from "./model/authenticator.ts";
export type { Credentials } from "./model/credentials.ts";
export { type Exposure, type ExposureRules, expose } from "./model/exposure.ts";
export {
  type CallContext,
  type Completing,
  type Handler,
  handler,
  type InputOf,
  type OutputOf,
  stream,
} from "./model/handler.ts";
export { anyone, authenticated, can, hasRole, type Policy, policy } from "./model/policy.ts";
export { type Principal, personOf } from "./model/principal.ts";
export type { CookieOptions, Reply } from "./model/reply.ts";
export { type Resource, resource } from "./model/resource.ts";
export { content } from "./schema/content.ts";
export { file, type UploadedFile } from "./schema/file.ts";
export { type SentFile, text } from "./schema/file-answer.ts";
export { type Message, messages } from "./schema/messages.ts";
export { personal, secret } from "./schema/schema.ts";
export { shaped } from "./schema/shaped.ts";
export { type Static, type TSchema, Type } from "./schema/typebox.ts";
export { withDefault } from "./schema/with-default.ts";
