// A process that serves the test shop over its own stdin and stdout, as `quater mcp` does.

import { mcp, mcpRef } from "quater/mcp";
import { tokens } from "quater/testing";
import { claimed } from "../../../plugins/cli/output/claimed.ts";
import { boot, handlers, people } from "./shop.ts";

const { hidden: _, ...tools } = handlers;
const app = await boot({ handlers: tools, plugins: [mcp({ authenticate: tokens(people) })], mode: "stdio" });
await app.services.get(mcpRef).serveStdio({
  input: process.stdin,
  output: claimed(process.stdout),
  env: process.env,
  say: (text) => void process.stderr.write(`${text}\n`),
});
await app.stop();
