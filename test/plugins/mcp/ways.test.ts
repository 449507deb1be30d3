// The gate suite tries every way into a handler over MCP: as a tool, as a resource and as a prompt.

import { defineConfig, expose } from "quater";
import { mcp } from "quater/mcp";
import { audit, store } from "quater/plugins";
import { type GateReport, gateSuite, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { expose as exposed, handlers } from "./offered-handlers.ts";

const rowsOf = ({ rows }: GateReport, handler: string) =>
  rows.filter((row) => row.handler === handler).map(({ surface, case: name, got }) => `${surface}: ${name}: ${got}`);

test("the gate suite reads each MCP resource and gets each prompt with missing parts", async () => {
  const manifest = defineConfig({
    name: "offers",
    handlers: [expose(async () => handlers, exposed as never)],
    plugins: [mcp({ authenticate: tokens({ ana: principal() }) }), audit(), store({ url: "sqlite:offers.db" })],
  });
  const report = await gateSuite(manifest);
  expect(report.holes).toEqual([]);
  expect(rowsOf(report, "showOrder")).toEqual(
    expect.arrayContaining([
      "mcp: all in order: ran",
      "mcp (resource): no credential: unauthenticated",
      "mcp (resource): another surface's: invalid_token",
      "mcp (resource): a plugin's no: forbidden",
      "mcp (resource): wrong type: invalid_input",
      "mcp (resource): all in order: ran",
      "mcp (resource): revoked: invalid_token",
    ]),
  );
  // A handler with tool: false has one way, so its rows name the surface alone.
  expect(rowsOf(report, "readCosts")).toEqual(
    expect.arrayContaining(["mcp: missing right: missing_scope", "mcp: all in order: ran"]),
  );
  expect(rowsOf(report, "summarise")).toEqual(
    expect.arrayContaining([
      "mcp: no credential: unauthenticated",
      "mcp: missing field: invalid_input",
      "mcp: unknown field: unknown_field",
      "mcp: all in order: ran",
    ]),
  );
});
