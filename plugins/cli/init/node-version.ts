// Which Node a project runs on, asked before anything is written.

/**
 * @param version  As `process.versions.node` has it.
 * @param engines  As package.json has it: `>=20.19`.
 * @returns What to tell the user, or undefined where the version will do.
 */
export const nodeProblem = (version: string, engines: string): string | undefined => {
  const wanted = engines.replace(/^>=/, "");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  const isOld = major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
  return isOld
    ? `Node ${version} is too old: Quater needs ${wanted} or later. Install a newer one from https://nodejs.org`
    : undefined;
};
