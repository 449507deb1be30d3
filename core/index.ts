// The only core file that plugins/ and app/ import, and the package's main entry.

export { largeAnswer } from "./answer-size.ts";
export type { Binder, Given } from "./bind.ts";
export { type Branded, brand, isBranded } from "./brand.ts";
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
} from "./call.ts";
export {
  type Asks,
  allReads,
  type CookieRead,
  type Credentials,
  challengeOf,
  howToAuthenticate,
  type Presented,
  partOf,
  type Reads,
  readingOf,
} from "./credentials.ts";
export { argumentsHash, canonicalText, digestOfText, schemaDigestOf } from "./digest.ts";
export { errorText } from "./error-text.ts";
export {
  authenticatorFailed,
  cancelled,
  conflict,
  type ErrorCode,
  type ErrorKind,
  errorCodes,
  errorKinds,
  type FieldError,
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
  stopping,
  tooLarge,
  tooMuchUnread,
  unauthenticated,
  unavailable,
  unknownHandler,
} from "./errors.ts";
export { withFileLock } from "./file-lock.ts";
export type { Holding } from "./flights.ts";
export {
  type CallContext,
  type Effect,
  type Handler,
  type HandlerDefinition,
  handler,
  type StreamSchema,
  stream,
} from "./handler.ts";
export {
  type Admission,
  type Approval,
  type HookChoice,
  type HookKind,
  type Hooks,
  hookKinds,
  type InvokeHooks,
} from "./hooks.ts";
export { isLossy, parseJson, parseJsonBytes, pointerStep } from "./json.ts";
export {
  type Config,
  defineConfig,
  type Exposed,
  type Exposure,
  type ExposureRules,
  expose,
  type HandlerName,
  type Manifest,
  type Refused,
} from "./manifest.ts";
export { type Catalog, isVisibleTo, type Operation } from "./operation.ts";
export {
  type AnswerRoom,
  type Command,
  type CommandIo,
  type ConfiguredPlugin,
  cannotSend,
  definePlugin,
  type Entry,
  type ExposureKey,
  type Gate,
  type Invocation,
  isCannotSend,
  type Log,
  nameKeyOwner,
  type Plugin,
  type PluginCommand,
  type PluginContext,
  type Probe,
  type ProbeAnswer,
  type ProbeCall,
  type Project,
  type Rehearsal,
  type Running,
  type ServiceRef,
  type Services,
  type Surface,
  serviceRef,
} from "./plugin.ts";
export { type OptionNames, type OptionRule, soundsSecret } from "./plugin-options.ts";
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
} from "./policy.ts";
export {
  type Authenticate,
  type Authentication,
  type Authenticator,
  type Awaitable,
  anonymous,
  asAuthenticator,
  authenticator,
  defineAuthenticator,
  isUnknown,
  type Principal,
} from "./principal.ts";
export { createPrivateFile, readPrivateFile, replacePrivateFile } from "./private-file.ts";
export { BootError, isBootError, type Problem } from "./problem.ts";
export { type Opened, type Resource, resource, type Uses } from "./resource.ts";
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
} from "./schema.ts";
export { cut, isInstant, nearest, visible, visibleLines } from "./text.ts";
export { traceIdOf } from "./trace.ts";
export { type Static, type TSchema, Type } from "./typebox.ts";
