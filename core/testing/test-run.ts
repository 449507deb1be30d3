// Makes the variants of plugins for isolated tests and for the gate suite. The variants run beside the real plugins.

import { brand } from "../diagnostics/brand.ts";
import { type ConfiguredPlugin, isPlugin, type TestRun } from "../plugin/plugin.ts";

/**
 * Returns the variant of a plugin for a test run. Returns a value that is not a plugin unchanged, so that boot reports this
 * value.
 */
export const testRunOf = (plugin: ConfiguredPlugin, rehearsal: TestRun): ConfiguredPlugin =>
  isPlugin(plugin) && plugin.testRun !== undefined ? { ...plugin.testRun(rehearsal), [brand]: "plugin" } : plugin;
