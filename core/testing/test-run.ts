// Plugins as they are beside the real ones: for tests of a manifest, and for the gate suite.

import { brand } from "../diagnostics/brand.ts";
import { type ConfiguredPlugin, isPlugin, type TestRun } from "../plugin/plugin.ts";

/** What is no plugin is given back: the boot says so. */
export const testRunOf = (plugin: ConfiguredPlugin, rehearsal: TestRun): ConfiguredPlugin =>
  isPlugin(plugin) && plugin.testRun !== undefined ? { ...plugin.testRun(rehearsal), [brand]: "plugin" } : plugin;
