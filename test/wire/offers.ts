// A resource and a prompt, which only mcp offers.

import { can, handler, notFound, Type } from "quater";

const readOrder = handler({
  description: "Reads an order.",
  effect: "read",
  input: Type.Object({ orderId: Type.String({ maxLength: 20 }) }),
  auth: can("shop"),
  handle: ({ orderId }) => (orderId === "ord_9" ? notFound("Order", orderId) : { orderId }),
});
const summarise = handler({
  description: "Summarises an order.",
  effect: "read",
  input: Type.Object({ orderId: Type.String(), tone: Type.Union([Type.Literal("kind"), Type.Literal("short")]) }),
  output: Type.String(),
  auth: can("shop"),
  handle: ({ orderId, tone }) => `Summarise ${orderId}, ${tone}.`,
});
export const offers = {
  handlers: { readOrder, summarise },
  expose: { readOrder: { mcp: { resource: "order://{orderId}", tool: false } }, summarise: { mcp: { prompt: true } } },
};

export type Offers = typeof offers;
