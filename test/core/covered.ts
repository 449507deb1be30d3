// Which test file covers a file of core that has no test of its own name. covered.test.ts checks that both exist.

const boot = "test/core/boot.test.ts";
const load = "test/core/load.test.ts";
const hooks = "test/core/hooks.test.ts";
const bind = "test/core/bind.test.ts";
const plugin = "test/core/plugin.test.ts";
const resource = "test/core/resource-callers.test.ts";
const stream = "test/core/stream.test.ts";
const pattern = "test/core/pattern.test.ts";
const reads = "test/plugins/auth/reads.test.ts";
const types = "test/types/core.ts";

export const covered: Readonly<Record<string, string>> = {
  "core/index.ts": "test/docs/glossary.test.ts",
  "core/plugin-api.ts": "test/docs/glossary.test.ts",

  "core/boot/app-resources.ts": resource,
  "core/boot/built.ts": "test/plugins/cli/build.test.ts",
  "core/boot/catalog.ts": boot,
  "core/boot/checked-plan.ts": boot,
  "core/boot/dot-env.ts": load,
  "core/boot/exposed-handlers.ts": boot,
  "core/boot/exposure-values.ts": "test/core/exposure-key.test.ts",
  "core/boot/file-lock.ts": "test/plugins/auth/key-lock.long.test.ts",
  "core/boot/handler-problems.ts": boot,
  "core/boot/kernel.ts": boot,
  "core/boot/key-file.ts": "test/plugins/auth/key-files.test.ts",
  "core/boot/manifest-digest.ts": "test/plugins/approval/requirement.test.ts",
  "core/boot/manifest-fields.ts": "test/plugins/output-limit.test.ts",
  "core/boot/manifest.ts": boot,
  "core/boot/private-file.ts": "test/plugins/auth/key-files.test.ts",
  "core/boot/running-plugins.ts": boot,
  "core/boot/trusted-files.ts": load,
  "core/boot/typescript.ts": load,

  "core/diagnostics/errors.ts": "test/docs/errors.test.ts",
  "core/diagnostics/log.ts": hooks,
  "core/diagnostics/problem.ts": boot,
  "core/diagnostics/reading.ts": reads,
  "core/diagnostics/text.ts": bind,

  "core/model/arriving.ts": reads,
  "core/model/authenticator.ts": "test/plugins/auth/chain.test.ts",
  "core/model/authentication.ts": "test/plugins/auth/chain.test.ts",
  "core/model/call.ts": "test/core/pipeline.test.ts",
  "core/model/credentials.ts": reads,
  "core/model/exposure.ts": boot,
  "core/model/given-input.ts": bind,
  "core/model/handler.ts": types,
  "core/model/holding.ts": hooks,
  "core/model/loopback.ts": "test/plugins/http/guard.test.ts",
  "core/model/operation.ts": boot,
  "core/model/principal.ts": "test/core/own-problem.test.ts",
  "core/model/run-mode.ts": types,
  "core/model/secret-file.ts": "test/plugins/approval/gate.test.ts",
  "core/model/standing.ts": "test/plugins/auth/revoked.test.ts",

  "core/pipeline/call-errors.ts": "test/core/pipeline.test.ts",
  "core/pipeline/checked-input.ts": bind,
  "core/pipeline/checked-stream.ts": stream,
  "core/pipeline/coerce.ts": bind,
  "core/pipeline/compiled-handler.ts": hooks,
  "core/pipeline/complaints.ts": bind,
  "core/pipeline/door.ts": hooks,
  "core/pipeline/dry-run.ts": hooks,
  "core/pipeline/gate.ts": "test/core/pipeline.test.ts",
  "core/pipeline/guard.ts": hooks,
  "core/pipeline/output.ts": stream,
  "core/pipeline/refusal-log.ts": hooks,
  "core/pipeline/running-calls.ts": boot,
  "core/pipeline/sentences.ts": bind,
  "core/pipeline/shape.ts": "test/core/shaped.test.ts",

  "core/plugin/command.ts": plugin,
  "core/plugin/commands.ts": plugin,
  "core/plugin/context.ts": types,
  "core/plugin/define-plugin.ts": plugin,
  "core/plugin/gate.ts": "test/plugins/mcp/trail-events.test.ts",
  "core/plugin/options-digest.ts": "test/core/plugin-options.test.ts",
  "core/plugin/order.ts": boot,
  "core/plugin/plugin-fields.ts": plugin,
  "core/plugin/services.ts": boot,
  "core/plugin/surface.ts": "test/plugins/cli/pieces.test.ts",

  "core/schema/compile.ts": bind,
  "core/schema/compiled-patterns.ts": pattern,
  "core/schema/default-problems.ts": "test/core/schema-rules.test.ts",
  "core/schema/defaults.ts": "test/core/schema-rules.test.ts",
  "core/schema/exact-numbers.ts": "test/core/schema-rules.test.ts",
  "core/schema/fit.ts": "test/core/named-policy.test.ts",
  "core/schema/options.ts": "test/core/plugin-options.test.ts",
  "core/schema/pattern-budget.ts": pattern,
  "core/schema/pattern-characters.ts": pattern,
  "core/schema/pattern-linear.ts": pattern,
  "core/schema/pattern-ways.ts": pattern,
  "core/schema/recursion.ts": "test/core/slow-inputs.test.ts",
  "core/schema/schema-problems.ts": "test/core/schema.test.ts",
  "core/schema/typebox.ts": types,
  "core/schema/kinds.ts": "test/core/schema-rules.test.ts",
  "core/schema/own-message.ts": "test/core/schema-rules.test.ts",
  "core/schema/references.ts": "test/core/schema-rules.test.ts",
  "core/schema/with-default.ts": "test/core/plugin-options.test.ts",

  "core/testing/expect.ts": "test/plugins/approval/gate-expect.test.ts",
  "core/testing/index.ts": "test/plugins/approval/isolated.test.ts",
  "core/testing/kernel-of.ts": "test/plugins/approval/isolated.test.ts",
  "core/testing/reason.ts": "test/plugins/approval/gate-expect.test.ts",
  "core/testing/test-run.ts": "test/plugins/approval/isolated.test.ts",
  "core/testing/typed.ts": "test/types/testing.ts",
  "core/testing/sample.ts": "test/plugins/approval/gate-samples.test.ts",
};
