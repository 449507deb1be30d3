// The app that the conformance suites of MCP call. The suites demand the names and texts of its tools.

import { setTimeout } from "node:timers/promises";
import { anyone, conflict, content, type Handler, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, principal } from "quater/testing";
import { prompts, resources, uris } from "./offers.ts";

const about = { effect: "read", input: Type.Object({}), auth: anyone } as const;

const image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const sound = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

const handlers: Readonly<Record<string, Handler>> = {
  test_simple_text: handler({
    ...about,
    description: "Returns a text.",
    handle: () => "This is a simple text response for testing.",
  }),
  test_image_content: handler({
    ...about,
    description: "Returns an image.",
    output: content.image({ mediaTypes: ["image/png"] }),
    handle: () => ({ content: Buffer.from(image, "base64"), mediaType: "image/png" }),
  }),
  test_audio_content: handler({
    ...about,
    description: "Returns a sound.",
    output: content.audio({ mediaTypes: ["audio/wav"] }),
    handle: () => ({ content: Buffer.from(sound, "base64"), mediaType: "audio/wav" }),
  }),
  test_embedded_resource: handler({
    ...about,
    description: "Returns a resource with its content.",
    output: content.resource(),
    handle: () => ({
      uri: "test://embedded-resource",
      mediaType: "text/plain",
      text: "This is an embedded resource content.",
    }),
  }),
  test_error_handling: handler({
    ...about,
    description: "Fails.",
    handle: () => {
      throw conflict("This tool intentionally returns an error for testing");
    },
  }),
  test_tool_with_progress: handler({
    ...about,
    description: "Reports its progress.",
    handle: async (_input, { progress }) => {
      for (const part of [0, 0.5, 1]) {
        progress(part, `Completed ${part * 100} of 100`);
        await setTimeout(20);
      }
      return "done";
    },
  }),
  test_headers: handler({
    ...about,
    description: "Takes an argument that a header repeats.",
    input: Type.Object({ region: Type.String({ "x-mcp-header": "Region" }) }),
    handle: ({ region }) => region,
  }),
  json_schema_2020_12_tool: handler({
    ...about,
    description: "Publishes keywords of JSON Schema 2020-12.",
    input: Type.Unsafe<object>({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      $defs: {
        address: {
          $anchor: "addressDef",
          type: "object",
          properties: { street: { type: "string" }, city: { type: "string" } },
        },
      },
      properties: {
        name: { type: "string" },
        address: { $ref: "#/$defs/address" },
        contactMethod: { type: "string", enum: ["phone", "email"] },
        phone: { type: "string" },
        email: { type: "string" },
      },
      allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
      if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ["phone"] },
      else: { required: ["email"] },
      additionalProperties: false,
    }),
    handle: (input) => input,
  }),
  // The suite demands that this tool sends no log messages, because its call does not ask for log messages.
  test_logging_tool: handler({ ...about, description: "Sends no log messages.", handle: () => "done" }),
  // The suite demands that this tool sends no requests on the stream of its call.
  test_streaming_elicitation: handler({ ...about, description: "Asks nothing.", handle: () => "done" }),
};

/** Boots the app on a free port. Every caller is accepted, because the suites send no credential. */
export const bootConformance = async () => {
  const authenticate = () => principal({ subject: "suite" });
  const app = await bootTest({
    handlers: { ...handlers, ...resources, ...prompts },
    expose: {
      ...Object.fromEntries(Object.keys(handlers).map((name) => [name, { mcp: true }])),
      ...Object.fromEntries(Object.entries(uris).map(([name, resource]) => [name, { mcp: { resource, tool: false } }])),
      ...Object.fromEntries(Object.keys(prompts).map((name) => [name, { mcp: { prompt: true } }])),
    },
    plugins: [http({ port: 0, authenticate }), mcp({ authenticate, schemas: "any" })],
  });
  return { url: `${app.services.get(httpRef).baseUrl}/mcp`, [Symbol.asyncDispose]: () => app.stop() };
};
