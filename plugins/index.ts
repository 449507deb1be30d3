// `quater/plugins`: every first-party plugin and authenticator, so that a manifest needs two imports. What plugin authors use of
// them stands at their own entries, such as `quater/http`. Importing them is cheap: heavy modules are loaded when they are first used.

export { type ApprovalPolicy, type Approver, approval, type Notice, type Notify } from "./approval/index.ts";
export { audit } from "./audit/index.ts";
export { apiKeys, bearer, firstOf, jwt, localUser } from "./auth/index.ts";
export { cli } from "./cli/index.ts";
export { http } from "./http/index.ts";
export { mcp } from "./mcp/index.ts";
export { store } from "./store/index.ts";
