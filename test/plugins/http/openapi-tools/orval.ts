import { createOrder, exportOrders, getOrder, getOwnApproval, listOrders, refundOrder, status } from "./made/orval";
import type { Called } from "./run";

export const byOrval = async (_: string, token: string): Promise<Called> => {
  const headers = { authorization: `Bearer ${token}` };
  const page = await listOrders({ limit: 2 }, { headers });
  const created = await createOrder(
    { customerId: "cus_101", items: [{ sku: "mug", quantity: 1, priceCents: 500 }], isPaid: true },
    { headers: { ...headers, "x-trace-id": "t1" } },
  );
  if (created.status !== 201) throw new Error(created.data.detail);
  const absent = await getOrder("ord_999999", { headers });
  const wrong = await listOrders({ limit: 0 }, { headers });
  const refund = await refundOrder(created.data.id, { amountCents: 100 }, { headers });
  const id = refund.status === 428 ? refund.data.approval.id : "";
  const asked = await getOwnApproval(id, { headers });
  const exported = await exportOrders(undefined, { headers });
  return {
    orders: page.status === 200 ? page.data.orders.length : 0,
    created: { status: created.data.status, items: created.data.items.length, traceId: created.data.traceId },
    absent: absent.status === 404 ? absent.data.code : "",
    wrong: wrong.status === 422 ? (wrong.data.errors ?? []).map(({ path }) => path) : [],
    asked: asked.status === 200 ? asked.data.status : "",
    isOpen: (await status()).status === 200,
    exported: "stream" in exported ? (await exported.stream.text()).trim().split("\n").length : 0,
  };
};
