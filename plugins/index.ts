// The entry `quater/plugins`: all plugins and authenticators of Quater, so that a manifest needs two imports. Services and types
// for plugin authors are at their own entries, such as `quater/http`. Importing this file is fast, because large modules are
// loaded when they are first used.

export { type ApprovalPolicy, type Approver, approval, type Notice, type Notify } from "./approval/index.ts";
export { audit } from "./audit/index.ts";
export { apiKeys, bearer, firstOf, jwt, localUser } from "./auth/index.ts";
export { cli } from "./cli/index.ts";
export { http } from "./http/index.ts";
export { mcp } from "./mcp/index.ts";
export { store } from "./store/index.ts";
