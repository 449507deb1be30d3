// The resources and prompts that the conformance suites of MCP call. The suites demand their names, URIs and texts.

import { anyone, file, handler, type Message, messages, Type, text } from "quater";

const about = { effect: "read", input: Type.Object({}), auth: anyone } as const;
/** An image of one pixel. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export const resources = {
  static_text: handler({
    ...about,
    description: "A text.",
    output: text("text/plain"),
    handle: () => "This is the content of the static text resource.",
  }),
  static_binary: handler({
    ...about,
    description: "An image.",
    output: file({ mediaTypes: ["image/png"] }),
    handle: () => ({ content: Buffer.from(png, "base64") }),
  }),
  template_data: handler({
    ...about,
    description: "The data of an id.",
    input: Type.Object({ id: Type.String() }),
    output: Type.Object({ id: Type.String(), templateTest: Type.Boolean(), data: Type.String() }),
    handle: ({ id }) => ({ id, templateTest: true, data: `Data for ID: ${id}` }),
  }),
  watched_resource: handler({ ...about, description: "A text that changes.", output: Type.String(), handle: () => "unchanged" }),
};

export const uris: Readonly<Record<keyof typeof resources, string>> = {
  static_text: "test://static-text",
  static_binary: "test://static-binary",
  template_data: "test://template/{id}/data",
  watched_resource: "test://watched-resource",
};

const argument = (description: string) => Type.String({ description });

export const prompts = {
  test_simple_prompt: handler({
    ...about,
    description: "A prompt without arguments.",
    output: Type.String(),
    handle: () => "This is a simple prompt for testing.",
  }),
  test_prompt_with_arguments: handler({
    ...about,
    description: "A prompt with arguments.",
    input: Type.Object({ arg1: argument("The first argument."), arg2: argument("The second argument.") }),
    output: Type.String(),
    complete: { arg1: ({ value }) => ["testValue1", "testValue2"].filter((each) => each.startsWith(value)) },
    handle: ({ arg1, arg2 }) => `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`,
  }),
  test_prompt_with_embedded_resource: handler({
    ...about,
    description: "A prompt with a resource.",
    input: Type.Object({ resourceUri: argument("The URI of the resource.") }),
    output: messages,
    handle: ({ resourceUri: uri }) => [
      {
        role: "user",
        content: { type: "resource", uri, mediaType: "text/plain", text: "Embedded resource content for testing." },
      },
      { role: "user", content: "Please process the embedded resource above." },
    ],
  }),
  test_prompt_with_image: handler({
    ...about,
    description: "A prompt with an image.",
    output: messages,
    handle: (): Message[] => [
      { role: "user", content: { type: "image", base64: png, mediaType: "image/png" } },
      { role: "user", content: "Please analyze the image above." },
    ],
  }),
};
