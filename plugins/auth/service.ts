// What other plugins may ask of auth.

export { defaultKeyFile } from "./api-keys.ts";
export { isDevelopmentKey } from "./development.ts";
export { readKeyFile } from "./keyfile.ts";
