// Makes the variants of plugins that run beside the real ones, for isolated tests and for the gate suite.

import { brand } from "../diagnostics/brand.ts";
import { type ConfiguredPlugin, isPlugin, type TestRun } from "../plugin/plugin.ts";

/**
 * Returns the variant of a plugin for a test run. A value that is not a plugin is returned unchanged, so that boot reports it.
 */
export const testRunOf = (plugin: ConfiguredPlugin, rehearsal: TestRun): ConfiguredPlugin =>
  isPlugin(plugin) && plugin.testRun !== undefined ? { ...plugin.testRun(rehearsal), [brand]: "plugin" } : plugin;
