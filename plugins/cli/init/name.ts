// The project's name. package.json, the manifest and the agent's connection use it, so the name must be valid in all three
// places.

const fits = /^[a-z][a-z0-9_-]{0,63}$/;

/**
 * @returns Why the name is not valid, or undefined. @param taken  The names of the project's dependencies, because a package
 * cannot depend on itself.
 */
export const nameProblem = (name: string, taken: readonly string[]): string | undefined => {
  if (!fits.test(name)) return "the name must begin with a letter and may have at most 64 lower-case letters, digits, - and _";
  return taken.includes(name) ? `the project depends on the package ${name} and cannot have the same name` : undefined;
};

/** Makes a project's name from the name of a folder or of a package. */
export const nameFrom = (text: string, taken: readonly string[]): string => {
  const name = text
    .toLowerCase()
    .replace(/^@[^/]*\//, "")
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .replace(/-+$/, "")
    .slice(0, 60);
  if (name === "") return "app";
  return taken.includes(name) ? `${name}-app` : name;
};
