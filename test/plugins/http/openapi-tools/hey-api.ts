import { createOrder, exportOrders, getOrder, getOwnApproval, listOrders, refundOrder, status } from "./made/hey";
import { client } from "./made/hey/client.gen";
import type { Called } from "./run";

export const byHeyApi = async (baseUrl: string, token: string): Promise<Called> => {
  client.setConfig({ baseUrl, auth: () => token });
  const page = await listOrders({ query: { limit: 2 } });
  const created = await createOrder({
    headers: { "x-trace-id": "t1" },
    body: { customerId: "cus_101", items: [{ sku: "mug", quantity: 1, priceCents: 500 }], isPaid: true },
    throwOnError: true,
  });
  const { id, status: state, items, traceId } = created.data;
  const absent = await getOrder({ path: { orderId: "ord_999999" } });
  const wrong = await listOrders({ query: { limit: 0 } });
  const refund = await refundOrder({ path: { orderId: id }, body: { amountCents: 100 } });
  const asked = await getOwnApproval({ path: { id: refund.error?.approval?.id ?? "" } });
  const exported = await exportOrders({ parseAs: "text", throwOnError: true });
  return {
    orders: page.data?.orders.length ?? 0,
    created: { status: state, items: items.length, traceId },
    absent: absent.error?.code ?? "",
    wrong: wrong.error?.errors?.map(({ path }) => path) ?? [],
    asked: asked.data?.status ?? "",
    isOpen: (await status()).data !== undefined,
    exported: exported.data.trim().split("\n").length,
  };
};
