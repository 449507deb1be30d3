// The examples that `quater init --example` offers, by name.

import { approvalsExample } from "./approvals.ts";
import { crudExample } from "./crud.ts";
import type { Example } from "./example.ts";
import { helloExample } from "./hello.ts";
import { mcpExample } from "./mcp.ts";

export const examples = {
  hello: helloExample,
  approvals: approvalsExample,
  crud: crudExample,
  mcp: mcpExample,
} as const satisfies Record<string, Example>;
export type ExampleName = keyof typeof examples;

export const isExample = (name: string): name is ExampleName => Object.hasOwn(examples, name);
