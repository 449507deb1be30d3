// The option by which a plugin is given an authenticator.

import { opaque } from "../schema/options.ts";
import type { Authentication } from "./authenticator.ts";

/** The surface's check says what is wrong with its value: see core/pipeline/door.ts. */
export const anAuthentication = opaque<Authentication>("an authenticator, or a function from credentials to a principal");
