// Makes functions of the tools in a list, as agents of @openai/agents do, and prints which functions are strict. Reads `tools/list`
// from standard input. The reasons against strict mode are warnings on standard error.

import { text } from "node:stream/consumers";
import { mcpToFunctionTool } from "@openai/agents-core";

const { tools } = JSON.parse(await text(process.stdin));
const server = { name: "shop" };
const made = tools.map((tool) => mcpToFunctionTool(tool, server, true));
process.stdout.write(JSON.stringify(Object.fromEntries(made.map(({ name, strict }) => [name, strict]))));
