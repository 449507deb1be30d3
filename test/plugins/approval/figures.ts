// What `npm run soak` prints of a test that counted something.

/** Silent unless the full numbers were asked for. */
export const figures = (what: string, counted: Readonly<Record<string, unknown>>): void => {
  if (process.env["QUATER_SOAK_FIGURES"] === "1") process.stdout.write(`${what}: ${JSON.stringify(counted)}\n`);
};
