// Sorts plugins into boot order. A plugin that provides a service comes before the plugins that need the service.

import type { BootProblem } from "../diagnostics/problem.ts";
import type { ConfiguredPlugin } from "./plugin.ts";

export interface Ordered {
  readonly plugins: readonly ConfiguredPlugin[];
  readonly problems: readonly BootProblem[];
}

/** The names that only one plugin may own, by the kind of the name. */
const owning: Readonly<Record<string, (plugin: ConfiguredPlugin) => readonly string[]>> = {
  "exposure key": ({ exposure }) => (exposure ?? []).map(({ key }) => key),
  service: ({ provides = [] }) => provides.map(({ name }) => name),
  surface: ({ surface }) => (surface === undefined ? [] : [surface.name]),
};

const grouped = (plugins: readonly ConfiguredPlugin[], owned: (plugin: ConfiguredPlugin) => readonly string[]) => {
  const groups = new Map<string, string[]>();
  for (const plugin of plugins) for (const name of owned(plugin)) groups.set(name, [...(groups.get(name) ?? []), plugin.name]);
  return groups;
};

/**
 * Sorts the plugins into boot order. If no service decides the order of two plugins, the plugins have the order of the manifest.
 */
export const inBootOrder = (plugins: readonly ConfiguredPlugin[], placeOf: (word: string) => string): Ordered => {
  const problems: BootProblem[] = [];
  const providers = new Map<string, ConfiguredPlugin>();
  const names = new Set<string>();
  for (const plugin of plugins) {
    if (names.has(plugin.name)) {
      problems.push({
        place: placeOf("plugins"),
        plugin: plugin.name,
        cause: `The plugin ${plugin.name} is configured twice`,
        remedy: `Remove one of the two entries of ${plugin.name} from plugins`,
      });
    }
    names.add(plugin.name);
    for (const ref of plugin.provides ?? []) providers.set(ref.name, plugin);
  }
  for (const [what, owned] of Object.entries(owning)) {
    for (const [name, owners] of grouped(plugins, owned)) {
      if (new Set(owners).size < 2) continue; // The check of names already reported a plugin that is listed twice.
      problems.push({
        place: placeOf("plugins"),
        cause: `The ${what} ${name} belongs to two plugins: ${owners.join(" and ")}`,
        remedy: "Remove one of these two plugins from plugins in the manifest",
      });
    }
  }
  const ordered: ConfiguredPlugin[] = [];
  const onTheWay: ConfiguredPlugin[] = [];
  const visit = (plugin: ConfiguredPlugin): void => {
    if (ordered.includes(plugin)) return;
    if (onTheWay.includes(plugin)) {
      const cycle = [...onTheWay.slice(onTheWay.indexOf(plugin)), plugin].map(({ name }) => name).join(" -> ");
      problems.push({
        place: placeOf("plugins"),
        plugin: plugin.name,
        cause: `Plugins need each other in a circle: ${cycle}`,
        remedy: "Remove one service from needs of one plugin in this circle",
      });
      return;
    }
    onTheWay.push(plugin);
    for (const ref of plugin.needs ?? []) {
      const provider = providers.get(ref.name);
      if (provider !== undefined) visit(provider);
      else
        problems.push({
          place: placeOf("plugins"),
          plugin: plugin.name,
          cause: `The plugin ${plugin.name} needs ${ref.name}, which no configured plugin provides`,
          remedy: `Add ${ref.name}() to plugins`,
        });
    }
    for (const ref of plugin.wants ?? []) {
      const provider = providers.get(ref.name);
      if (provider !== undefined) visit(provider);
    }
    onTheWay.pop();
    ordered.push(plugin);
  };
  for (const plugin of plugins) visit(plugin);
  return { plugins: ordered, problems };
};
