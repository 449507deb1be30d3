// Checks and makes the name of a project. package.json, the manifest and the connection of the agent use this name, so the name
// must be valid in all three places.

const fits = /^[a-z][a-z0-9_-]{0,63}$/;

/**
 * @returns Why the name of a project is not valid; undefined for a valid name. @param taken  The names of the project's
 * dependencies. A project cannot have such a name, because a package cannot depend on itself.
 */
export const nameProblem = (name: string, taken: readonly string[]): string | undefined => {
  if (!fits.test(name)) return "the name must begin with a letter and may have at most 64 lower-case letters, digits, - and _";
  return taken.includes(name) ? `the project depends on the package ${name} and cannot have the same name` : undefined;
};

/** Makes the name of a project from the name of a folder or of a package. */
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
