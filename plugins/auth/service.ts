// What other plugins may ask of auth.

export { defaultKeyFile } from "./api-keys.ts";
export { demoApproverKeyFile, developmentKeyFile, isDevelopmentKey } from "./development.ts";
export { readKeyFile } from "./keyfile.ts";
