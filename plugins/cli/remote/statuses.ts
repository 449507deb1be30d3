// Reads the state of the caller's own approval request from a remote.

import { isPlainObject } from "../../../core/schema/schema.ts";
import type { OwnStatus } from "../../offered.ts";
import type { Env } from "../program/context.ts";
import { strangeAnswer } from "./distrust.ts";
import type { Remote } from "./known.ts";
import { readRemote } from "./reading.ts";

const states: ReadonlySet<unknown> = new Set(["pending", "approved", "consumed", "denied", "cancelled", "expired", "revoked"]);

/** Returns the state of one approval request. @throws {Distrusted | QuaterError} */
export const statusOn = async (env: Env, remote: Remote, token: string, id: string): Promise<OwnStatus> => {
  for await (const item of readRemote({ env, remote, token }, "approvals status", { id })) {
    const status = isPlainObject(item) ? item["show"] : undefined;
    if (isPlainObject(status) && states.has(status["status"])) return status as unknown as OwnStatus;
  }
  throw strangeAnswer(remote.name, "answered with a state of an approval request that is not valid");
};
