// The only core file that plugins/ and app/ import, and the package's main entry.

export { withFileLock } from "./boot/file-lock.ts";
export { type Config, defineConfig, type Manifest } from "./boot/manifest.ts";
export { createPrivateFile, readPrivateFile, replacePrivateFile } from "./boot/private-file.ts";
export { type Branded, brand, isBranded } from "./diagnostics/brand.ts";
export { errorText } from "./diagnostics/error-text.ts";
export {
  authenticatorFailed,
  cancelled,
  conflict,
  type ErrorCode,
  type ErrorKind,
  errorCodes,
  errorKinds,
  type FieldError,
  failedAfterwards,
  fieldSentence,
  forbidden,
  internal,
  invalid,
  invalidToken,
  isQuaterError,
  itemUndelivered,
  jsonRefused,
  missingScope,
  notFound,
  outcomeUnknown,
  outputTooLarge,
  outputUndelivered,
  QuaterError,
  refusedMidway,
  stopping,
  tooLarge,
  tooMuchUnread,
  unauthenticated,
  unavailable,
  unknownHandler,
} from "./diagnostics/errors.ts";
export type { Log } from "./diagnostics/log.ts";
export { type OptionNames, type OptionRule, soundsSecret } from "./diagnostics/plugin-options.ts";
export { BootError, isBootError, type Problem } from "./diagnostics/problem.ts";
export type { Asks, CookieRead } from "./diagnostics/reading.ts";
export { cut, isInstant, nearest, visible, visibleLines } from "./diagnostics/text.ts";
export {
  type Approved,
  type Arrival,
  type Authorized,
  type Bound,
  type Call,
  Cancellation,
  hashOf,
  type Outcome,
  previewOf,
} from "./model/call.ts";
export {
  allReads,
  type Credentials,
  challengeOf,
  howToAuthenticate,
  type Presented,
  partOf,
  type Reads,
  readingOf,
} from "./model/credentials.ts";
export type { AnswerRoom, Entry } from "./model/entry.ts";
export { type Exposed, type Exposure, type ExposureRules, expose, type HandlerName, type Refused } from "./model/exposure.ts";
export type { Given } from "./model/given.ts";
export {
  type CallContext,
  type Effect,
  type Handler,
  type HandlerDefinition,
  handler,
  type StreamSchema,
  stream,
} from "./model/handler.ts";
export type { Holding } from "./model/holding.ts";
export { type Catalog, isVisibleTo, type Operation } from "./model/operation.ts";
export {
  type Auth,
  anyone,
  authenticated,
  can,
  hasRole,
  type Policy,
  type PolicyFunction,
  type PolicyLike,
  type Verdict,
} from "./model/policy.ts";
export {
  type Authenticate,
  type Authentication,
  type Authenticator,
  type Awaitable,
  anonymous,
  asAuthenticator,
  authenticator,
  defineAuthenticator,
  isThenable,
  isUnknown,
  type Principal,
} from "./model/principal.ts";
export { type Opened, type Resource, resource, type Uses } from "./model/resource.ts";
export type { Command } from "./model/run-mode.ts";
export type { SecretFile } from "./model/secret-file.ts";
export { largeAnswer } from "./pipeline/answer-size.ts";
export type { Binder } from "./pipeline/bind.ts";
export { traceIdOf } from "./pipeline/trace.ts";
export type { CommandIo, PluginCommand } from "./plugin/command.ts";
export type { PluginContext, Project } from "./plugin/context.ts";
export { definePlugin } from "./plugin/define-plugin.ts";
export { type ExposureKey, nameKeyOwner } from "./plugin/exposure-key.ts";
export type { Gate, Invocation } from "./plugin/gate.ts";
export {
  type Admission,
  type Approval,
  type HookChoice,
  type HookKind,
  type Hooks,
  hookKinds,
  type InvokeHooks,
} from "./plugin/hooks.ts";
export type { ConfiguredPlugin, Plugin, Rehearsal, Running } from "./plugin/plugin.ts";
export { type ServiceRef, type Services, serviceRef } from "./plugin/services.ts";
export { cannotSend, isCannotSend, type Probe, type ProbeAnswer, type ProbeCall, type Surface } from "./plugin/surface.ts";
export { argumentsHash, canonicalText, digestOfText, schemaDigestOf } from "./schema/digest.ts";
export { isLossy, parseJson, parseJsonBytes, pointerStep } from "./schema/json.ts";
export {
  hasSecret,
  isSchema,
  isSecretField,
  type JsonSchema,
  masked,
  personal,
  propertiesOf,
  requiredOf,
  secret,
  withoutPersonal,
} from "./schema/schema.ts";
export { type Static, type TSchema, Type } from "./schema/typebox.ts";
