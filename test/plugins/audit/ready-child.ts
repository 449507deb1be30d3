// An idle process that says every 200 ms whether it is ready: `ready-child <folder> <with or without audit>`. The process ends
// when its standard input ends.

import { definePlugin } from "quater/plugin-api";
import { audit, store } from "quater/plugins";
import { storeRef } from "quater/store";
import { bootTest } from "quater/testing";
import { kernelOf } from "../../../core/testing/kernel-of.ts";

const [root = "", plugins = "audit"] = process.argv.slice(2);

const shelf = definePlugin(() => ({
  name: "shelf",
  needs: [storeRef],
  setup: ({ services }) => {
    services
      .get(storeRef)
      .register("shelf", [
        { version: 1, tables: ["shelf_item"], up: (build) => [build.schema.createTable("shelf_item").addColumn("name", "text")] },
      ]);
  },
}));

const app = await bootTest({
  root,
  mode: "serve",
  drainMs: 1_000,
  handlers: {},
  plugins: plugins === "audit" ? [store(), audit()] : [store(), shelf()],
});
process.stdin.resume().once("end", () => process.exit(0));
setInterval(async () => {
  process.stdout.write(`${JSON.stringify({ isReady: (await kernelOf(app).unready()).length === 0 })}
`);
}, 200);
