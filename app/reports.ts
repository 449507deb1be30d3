// The handlers for reports about all orders.

import { can, handler, hasRole, invalid, Type, withDefault } from "quater";
import { Currency, Day, ReportGrouping, SalesReport } from "./schemas.ts";
import { shop } from "./shop.ts";

const maxDays = 366;
const dayMs = 86_400_000;

export const salesReport = handler({
  description:
    "Sum up the sales of a period in one currency, per day or per status. Cancelled orders are no sales: they show as a status and are in no total.",
  effect: "read",
  input: Type.Object({
    from: Day,
    to: Type.String({ format: "date", description: "The last day, included" }),
    groupBy: ReportGrouping,
    currency: withDefault(Currency, "EUR"),
  }),
  output: SalesReport,
  auth: can("reports:read"),
  use: { shop },
  handle: ({ from, to, groupBy, currency }, { shop }) => {
    const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1;
    if (days < 1) invalid("/to", "must not be before from");
    if (days > maxDays) invalid("/to", `must be within ${maxDays} days of from`);
    return shop.salesReport(from, to, groupBy, currency);
  },
});

/**
 * A handler for scheduled jobs inside the process. No surface can call this handler, because the manifest does not list the
 * handler.
 */
export const rebuildStatistics = handler({
  description: "Refresh what the database knows of its own contents, after large changes.",
  effect: "write",
  idempotent: true,
  input: Type.Object({}),
  output: Type.Object({ rebuilt: Type.Literal(true) }),
  auth: hasRole("admin"),
  use: { shop },
  handle: (_, { shop }) => {
    shop.rebuildStatistics();
    return { rebuilt: true };
  },
});
