// Plugins as they are beside the real ones: for tests of a manifest, and for the gate suite.

import { brand } from "../diagnostics/brand.ts";
import { type ConfiguredPlugin, isPlugin, type TestRun } from "../plugin/plugin.ts";

/** What is no plugin is given back: the boot says so. */
export const rehearsedBy = (plugin: ConfiguredPlugin, rehearsal: TestRun): ConfiguredPlugin =>
  isPlugin(plugin) && plugin.rehearsed !== undefined ? { ...plugin.rehearsed(rehearsal), [brand]: "plugin" } : plugin;
