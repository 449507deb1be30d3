// The plugin option `authenticate`, which takes an authenticator.

import { opaque } from "../schema/options.ts";
import type { Authentication } from "./authenticator.ts";

/** The option accepts any value here. core/pipeline/door.ts checks the value and reports what is wrong with it. */
export const anAuthentication = opaque<Authentication>("an authenticator, or a function from credentials to a principal");
