// The plugin option `authenticate`, whose value is an authenticator.

import { opaque } from "../schema/options.ts";
import type { Authentication } from "./authenticator.ts";

/**
 * The schema of the option `authenticate`. The schema of `authenticate` accepts any value. core/pipeline/door.ts checks the value
 * and reports the faults of the value.
 */
export const anAuthentication = opaque<Authentication>("an authenticator, or a function from credentials to a principal");
