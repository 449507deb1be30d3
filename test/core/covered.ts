// Which test covers a file of core that has no test of its own name: a file, and words of a title in it.
// covered.test.ts checks that both exist.

const boot = "test/core/boot.test.ts";
const load = "test/core/load.test.ts";
const hooks = "test/core/hooks.test.ts";
const bind = "test/core/bind.test.ts";
const plugin = "test/core/plugin.test.ts";
const stream = "test/core/stream.test.ts";
const pattern = "test/core/pattern.test.ts";
const reads = "test/plugins/auth/reads.test.ts";
const types = "test/types/core.ts";

export const covered: Readonly<Record<string, readonly [file: string, words: string]>> = {
  "core/index.ts": ["test/docs/glossary.test.ts", "core/index.ts"],
  "core/plugin-api.ts": ["test/docs/glossary.test.ts", "core/plugin-api.ts"],

  "core/boot/built.ts": ["test/plugins/cli/build.test.ts", "a built project runs from the build"],
  "core/boot/catalog.ts": [boot, "a handler that the manifest does not list is declared and unreachable"],
  "core/boot/dot-env.ts": [load, "is read entry by entry"],
  "core/boot/file-lock.ts": ["test/plugins/auth/key-lock.long.test.ts", "S13: four processes that find an old lock lose no key"],
  "core/boot/kernel.ts": [boot, "plugins that need each other in a circle"],
  "core/boot/manifest-digest.ts": [
    "test/plugins/approval/requirement.test.ts",
    "a changed policy is a change of what is exposed",
  ],
  "core/boot/manifest-fields.ts": ["test/plugins/output-limit.test.ts", "M12: without an option the limit is 8 MiB"],
  "core/boot/manifest.ts": [boot, "an entry of handlers that expose() did not make"],
  "core/boot/private-file.ts": ["test/plugins/auth/key-files.test.ts", "S13: a planted keys.json.new is not followed"],
  "core/boot/trusted-files.ts": [load, "S13: a handler module that others may write"],
  "core/boot/typescript.ts": [load, "a throw at the top of a module"],

  "core/diagnostics/errors.ts": ["test/docs/errors.test.ts", "every general code is on the page with its kind"],
  "core/diagnostics/log.ts": [hooks, "is one line of the log"],
  "core/diagnostics/problem.ts": [boot, "all problems are reported at once"],
  "core/diagnostics/reading.ts": [reads, "S17: a 401 says what the door reads"],
  "core/diagnostics/text.ts": [bind, "a name with a slash or a control character is shown as a path and in print"],

  "core/model/arriving.ts": [reads, "each of them receives its own part"],
  "core/model/call.ts": ["test/core/pipeline.test.ts", "nothing that a plugin does to a call changes what runs"],
  "core/model/credentials.ts": [reads, "S17: on a public route, what the authenticator reads is a credential"],
  "core/model/exposure.ts": [boot, "an entry of handlers that expose() did not make"],
  "core/model/given-input.ts": [bind, "one name from two places is refused"],
  "core/model/handler.ts": [types, "A handler's type is of values"],
  "core/model/holding.ts": [hooks, "a handler does not start when confirm throws"],
  "core/model/operation.ts": [boot, "is declared and unreachable"],
  "core/model/principal.ts": ["test/plugins/auth/chain.test.ts", "S17: what an authenticator inside firstOf returns"],
  "core/model/run-mode.ts": [types, '"serve" | "dev" | "mcp"'],
  "core/model/secret-file.ts": ["test/plugins/approval/gate.test.ts", "secretFiles: [{ file: partner }]"],
  "core/model/standing.ts": ["test/plugins/auth/revoked.test.ts", "S5: a call that does not wait is checked once"],

  "core/pipeline/checked-input.ts": [bind, "defaults are set where their object is given"],
  "core/pipeline/coerce.ts": [bind, "text is coerced by the schema and never guessed"],
  "core/pipeline/compiled-handler.ts": [hooks, "are asked once per handler at boot"],
  "core/pipeline/complaints.ts": [bind, "every complaint is one sentence"],
  "core/pipeline/door.ts": [hooks, "refusals at the door are told"],
  "core/pipeline/dry-run.ts": [hooks, "asks authorize and forecast, and neither admits, approves nor handles"],
  "core/pipeline/gate.ts": ["test/core/pipeline.test.ts", "a call is bound, authorised, handled and checked"],
  "core/pipeline/guard.ts": [hooks, "a replay answers instead of the handler"],
  "core/pipeline/output.ts": [stream, "when an item is wrong, and the source is told to stop"],
  "core/pipeline/refusal-log.ts": [hooks, "S20:"],
  "core/pipeline/running-calls.ts": [boot, "calls that do not end within drainMs are cancelled"],

  "core/plugin/command.ts": [plugin, "a command that cannot be what it says stops the boot"],
  "core/plugin/commands.ts": [plugin, "two plugins cannot share a path"],
  "core/plugin/context.ts": [types, "services.get(storeRef)"],
  "core/plugin/define-plugin.ts": [plugin, "what nobody would read stops the boot"],
  "core/plugin/gate.ts": ["test/plugins/mcp/trail-events.test.ts", "gate.enter({"],
  "core/plugin/options-digest.ts": ["test/core/plugin-options.test.ts", "the digest follows what options say"],
  "core/plugin/order.ts": [boot, "plugins that need each other in a circle"],
  "core/plugin/plugin-fields.ts": [plugin, "what nobody would read stops the boot"],
  "core/plugin/services.ts": [boot, "a service that is promised and not provided"],
  "core/plugin/surface.ts": ["test/plugins/cli/pieces.test.ts", "the probe sees what a caller of the program sees"],

  "core/schema/compile.ts": [bind, "the field after a union of many literals is reported too"],
  "core/schema/compiled-patterns.ts": [pattern, "S7: the value of a record with a slow pattern for keys"],
  "core/schema/pattern-budget.ts": [pattern, "S7: a match of a text of any length ends when the budget is spent"],
  "core/schema/pattern-characters.ts": [pattern, "S7: the ranges of a property are those that the engine"],
  "core/schema/pattern-linear.ts": [pattern, "S7: an output and a key with the pattern"],
  "core/schema/pattern-ways.ts": [pattern, "S7: no pattern of nested counts and alternatives takes 250 ms"],
  "core/schema/recursion.ts": ["test/core/slow-inputs.test.ts", "Type.Cyclic({ T: Type.Union("],
  "core/schema/schema-problems.ts": ["test/core/schema.test.ts", "%s is refused"],
  "core/schema/typebox.ts": [types, "Type.Object({ orderId: Type.String()"],

  "core/testing/expect.ts": ["test/plugins/approval/gate-expect.test.ts", "expectDenied"],
  "core/testing/index.ts": [
    "test/plugins/approval/isolated.test.ts",
    "no sink, no key, no store, no port and no notice is the real one",
  ],
  "core/testing/reason.ts": [
    "test/plugins/approval/gate-expect.test.ts",
    "fails for a failure with the reason that no caller is told",
  ],
  "core/testing/rehearsed.ts": ["test/plugins/approval/isolated.test.ts", "the approvers' door is the manifest's own"],
  "core/testing/sample.ts": ["test/plugins/approval/gate-samples.test.ts", "a sample of a schema is accepted by it"],
};
