// Handlers that are resources and prompts, and how they are exposed.

import { anyone, can, file, handler, hasRole, messages, notFound, Type, text } from "quater";

const orderId = Type.String({ description: "The id of the order.", maxLength: 40 });
const Order = Type.Object({ orderId: Type.String(), lines: Type.Integer() });
const read = { effect: "read", auth: anyone } as const;

export const handlers = {
  showOrder: handler({
    ...read,
    description: "Show an order.",
    input: Type.Object({ orderId }),
    output: Order,
    complete: {
      orderId: async ({ value, principal, signal }) => {
        signal.throwIfAborted();
        return Array.from({ length: 150 }, (_, at) => `${value}_${principal.subject}_${at}`);
      },
    },
    handle: ({ orderId }) => {
      if (orderId === "missing") throw notFound("Order", orderId);
      return { orderId, lines: 2 };
    },
  }),
  showLine: handler({
    ...read,
    description: "Show a line of an order.",
    input: Type.Object({ orderId, line: Type.Integer({ minimum: 1 }), full: Type.Optional(Type.Boolean()) }),
    handle: (input) => input,
  }),
  readTerms: handler({
    ...read,
    description: "Read the terms.",
    input: Type.Object({}),
    output: text("text/markdown"),
    handle: () => "# Terms\n",
  }),
  readLogo: handler({
    ...read,
    description: "Read the logo.",
    input: Type.Object({}),
    output: file({ mediaTypes: ["image/png"] }),
    handle: () => ({ content: Buffer.from([137, 80, 78, 71]) }),
  }),
  readCosts: handler({
    ...read,
    auth: can("costs"),
    description: "Read the costs of an order.",
    input: Type.Object({ orderId }),
    complete: { orderId: () => ["ord_secret"] },
    handle: () => 12,
  }),
  readAudit: handler({
    ...read,
    auth: hasRole("auditor"),
    description: "Read the audit.",
    input: Type.Object({}),
    output: Type.String(),
    handle: () => "nothing found",
  }),
  summarise: handler({
    ...read,
    description: "Summarise an order.",
    input: Type.Object({
      orderId,
      style: Type.Optional(Type.Union([Type.Literal("short"), Type.Literal("long")], { description: "The length." })),
      lines: Type.Optional(Type.Integer()),
    }),
    output: messages,
    handle: ({ orderId, style = "short", lines }) => [
      { role: "user", content: `Summarise ${orderId} in a ${style} text of ${lines ?? 1} lines.` },
      { role: "user", content: { type: "text", text: "Use the picture." } },
      { role: "assistant", content: { type: "image", base64: "AAAA", mediaType: "image/png" } },
      { role: "user", content: { type: "audio", base64: "BBBB", mediaType: "audio/wav" } },
      { role: "user", content: { type: "resource", uri: "shop://terms", mediaType: "text/plain", text: "Pay." } },
      { role: "user", content: { type: "resource", uri: "shop://logo", base64: "CCCC" } },
      { role: "user", content: { type: "link", uri: "shop://terms", name: "Terms", mediaType: "text/plain", bytes: 4 } },
    ],
  }),
  greet: handler({
    ...read,
    description: "Greet the user",
    input: Type.Object({}),
    output: Type.String(),
    handle: () => "Say hello.",
  }),
  reviewCosts: handler({
    ...read,
    auth: can("costs"),
    description: "Review the costs.",
    input: Type.Object({}),
    output: Type.String(),
    handle: () => "Review the costs.",
  }),
};

export const expose = {
  showOrder: { mcp: { resource: "order://{orderId}", title: "Order", icons: [{ src: "https://shop.example/order.png" }] } },
  showLine: { mcp: { resource: "order://{orderId}/lines/{line}" } },
  readTerms: { mcp: { resource: "shop://terms", tool: false } },
  readLogo: { mcp: { resource: "shop://logo", tool: false } },
  readCosts: { mcp: { resource: "costs://{orderId}", tool: false } },
  readAudit: { mcp: { resource: "shop://audit", tool: false } },
  summarise: { mcp: { prompt: true, title: "Summary" } },
  greet: { mcp: { prompt: true } },
  reviewCosts: { mcp: { prompt: true } },
};
