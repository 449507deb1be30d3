// The stages as the pipeline declares them: each takes what the one before returned.

import type { Approved, Authorized, Bound } from "quater/plugin-api";

export declare const auth: (call: Bound) => Promise<Authorized>;
export declare const approve: (call: Authorized) => Promise<Approved>;
export declare const handle: (call: Approved) => Promise<unknown>;
