// A process that changes key files when it is told to, for the tests of the lock.

import { prepareKeys } from "../../../plugins/audit/log/keys.ts";
import { createKey, revokeKey } from "../../../plugins/auth/commands.ts";
import { changeKeyFile } from "../../../plugins/auth/keyfile.ts";

type Order =
  | { readonly does: "create" | "revoke"; readonly file: string; readonly name: string }
  | { readonly does: "prepare" | "hold"; readonly file: string };

const carryOut = (order: Order): void => {
  switch (order.does) {
    case "create":
      createKey(order.file, { name: order.name, kind: "service", scopes: [], roles: [] });
      break;
    case "revoke":
      revokeKey(order.file, order.name);
      break;
    case "prepare":
      prepareKeys(order.file);
      break;
    case "hold":
      changeKeyFile(order.file, () => {
        process.send?.("holds");
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // until the process is killed
        throw new Error("not reached");
      });
  }
};

process.on("message", (order: Order) => {
  try {
    carryOut(order);
    process.send?.("done");
  } catch (error) {
    process.send?.((error as Error).message);
  }
});
process.send?.("ready");
