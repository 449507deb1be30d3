// A handler that returns to every caller whether the shop is open.

import { anyone, handler, Type } from "quater";
import { shop } from "./shop.ts";

export const status = handler({
  description: "Say whether the shop is up, and how many orders it holds.",
  effect: "read",
  input: Type.Object({}),
  output: Type.Object({ ok: Type.Literal(true), orders: Type.Integer({ minimum: 0 }) }),
  auth: anyone,
  use: { shop },
  handle: (_, { shop }) => ({ ok: true, orders: shop.countOrders() }),
});
