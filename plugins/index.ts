// `quater/plugins`: every first-party plugin and authenticator, so that a manifest needs two imports. Importing them is
// cheap: what is heavy is loaded when it is first used.

export * from "./approval/index.ts";
export * from "./audit/index.ts";
export * from "./auth/index.ts";
export * from "./cli/index.ts";
export * from "./http/index.ts";
export * from "./mcp/index.ts";
export * from "./store/index.ts";
