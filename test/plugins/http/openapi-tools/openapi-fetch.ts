import createClient from "openapi-fetch";
import type { paths } from "./made/schema";
import type { Called } from "./run";

export const byOpenApiFetch = async (baseUrl: string, token: string): Promise<Called> => {
  const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });
  const page = await client.GET("/orders", { params: { query: { limit: 2 } } });
  const created = await client.POST("/orders", {
    params: { header: { "x-trace-id": "t1" } },
    body: { customerId: "cus_101", items: [{ sku: "mug", quantity: 1, priceCents: 500 }], isPaid: true },
  });
  if (created.data === undefined) throw new Error(created.error.detail);
  const { id, status, items, traceId } = created.data;
  const absent = await client.GET("/orders/{orderId}", { params: { path: { orderId: "ord_999999" } } });
  const wrong = await client.GET("/orders", { params: { query: { limit: 0 } } });
  const refund = await client.POST("/orders/{orderId}/refunds", {
    params: { path: { orderId: id } },
    body: { amountCents: 100 },
  });
  const approval = refund.response.status === 428 ? refund.error?.approval : undefined;
  const asked = await client.GET("/__quater__/approvals/{id}", { params: { path: { id: approval?.id ?? "" } } });
  const shop = await client.GET("/status");
  const exported = await client.GET("/exports/orders", { parseAs: "text" });
  return {
    orders: page.data?.orders.length ?? 0,
    created: { status, items: items.length, traceId },
    absent: absent.error?.code ?? "",
    wrong: wrong.error?.errors?.map(({ path }) => path) ?? [],
    asked: asked.data?.status ?? "",
    isOpen: shop.data !== undefined,
    exported: exported.data?.trim().split("\n").length,
  };
};
