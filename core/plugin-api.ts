// The entry `quater/plugin-api`, which exports the functions and types for authors of plugins. Authors of plugins also use the
// entry `quater`.

export type { Config } from "./boot/manifest.ts";
export { errorText } from "./diagnostics/error-text.ts";
export {
  authenticatorFailed,
  cancelled,
  type ErrorCode,
  type ErrorKind,
  errorCodes,
  errorKinds,
  type FieldError,
  fieldSentence,
  internal,
  invalidToken,
  jsonRefused,
  missingScope,
  tooLarge,
  unauthenticated,
  unknownHandler,
} from "./diagnostics/errors.ts";
export type { Log } from "./diagnostics/log.ts";
export { BootError, type BootProblem, isBootError } from "./diagnostics/problem.ts";
export type { AnswerRoom, Arriving } from "./model/arriving.ts";
export {
  type Authenticate,
  type Authentication,
  type Authenticator,
  asAuthenticator,
  defineAuthenticator,
} from "./model/authenticator.ts";
export {
  type Approved,
  type Arrival,
  type Authorized,
  type Bound,
  type Call,
  Cancellation,
  digestOf,
  type Outcome,
  previewOf,
} from "./model/call.ts";
export type { Presented, Reads } from "./model/credentials.ts";
export type { Exposed, HandlerName, Refused } from "./model/exposure.ts";
export type { GivenInput } from "./model/given-input.ts";
export type { Effect } from "./model/handler.ts";
export type { Holding } from "./model/holding.ts";
export { type Catalog, isVisibleTo, type Operation } from "./model/operation.ts";
export type { PolicyFunction, Verdict } from "./model/policy.ts";
export { type Awaitable, anonymous } from "./model/principal.ts";
export type { Opened, Uses } from "./model/resource.ts";
export type { RunMode } from "./model/run-mode.ts";
export type { Binder } from "./pipeline/bind.ts";
export { traceIdOf } from "./pipeline/trace.ts";
export { type CommandIo, command, type PluginCommand } from "./plugin/command.ts";
export type { PluginContext, Project } from "./plugin/context.ts";
export { definePlugin } from "./plugin/define-plugin.ts";
export type { ExplainedStep, Explaining, Explanation } from "./plugin/explanation.ts";
export { type ExposureKey, type ExposureValue, exposureKey } from "./plugin/exposure-key.ts";
export type { Gate, Invocation } from "./plugin/gate.ts";
export type { Admission, ApprovalAnswer, HookAnswer, HookChoice, Hooks } from "./plugin/hooks.ts";
export type { ConfiguredPlugin, Plugin, Running, TestRun } from "./plugin/plugin.ts";
export { type ServiceRef, type Services, serviceRef } from "./plugin/services.ts";
export { cannotSend, isCannotSend, type Probe, type ProbeAnswer, type ProbeCall, type Surface } from "./plugin/surface.ts";
export { parseJson, parseJsonBytes } from "./schema/json.ts";
export { type OptionsOf, opaque } from "./schema/options.ts";
export type { JsonSchema } from "./schema/schema.ts";
