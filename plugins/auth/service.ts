// What other plugins may ask of auth.

export { isDevelopmentKey } from "./development.ts";
