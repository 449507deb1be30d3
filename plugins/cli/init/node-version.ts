// Checks whether the version of Node is new enough for Quater.

/**
 * @param version  The value of `process.versions.node`.
 * @param engines  The value of `engines.node` in Quater's package.json, such as `>=20.19`.
 * @returns The message for the user; undefined for a supported version of Node.
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
