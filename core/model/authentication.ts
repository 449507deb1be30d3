// The plugin option `authenticate`, which takes an authenticator.

import { opaque } from "../schema/options.ts";
import type { Authentication } from "./authenticator.ts";

/** The schema of the option, which accepts any value. core/pipeline/door.ts checks the value and reports its faults. */
export const anAuthentication = opaque<Authentication>("an authenticator, or a function from credentials to a principal");
