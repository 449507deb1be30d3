import { isErrorFromAlias, ZodiosError } from "@zodios/core";
import { isAxiosError } from "axios";
import { createApiClient, schemas } from "./made/zod";
import type { Called } from "./run";

interface Problem {
  readonly code: string;
  readonly errors?: readonly { readonly path: string }[];
  readonly approval?: { readonly id: string };
}

/** The client checks each input and each answer by the schemas of the document. */
export const byZodios = async (baseUrl: string, token: string): Promise<Called> => {
  const api = createApiClient(baseUrl, { axiosConfig: { headers: { authorization: `Bearer ${token}` } }, validate: true });
  const problemOf = async (call: Promise<unknown>): Promise<Problem> => {
    try {
      await call;
    } catch (error) {
      if (isAxiosError(error) && error.response !== undefined) return error.response.data as Problem;
      throw error;
    }
    throw new Error("The call was not refused");
  };
  const page = await api.listOrders({ queries: { limit: 2 } });
  const { id, status, items, traceId } = schemas.OrderWithItems.parse(
    await api.createOrder(
      { customerId: "cus_101", items: [{ sku: "mug", quantity: 1, priceCents: 500 }], isPaid: true },
      { headers: { "x-trace-id": "t1" } },
    ),
  );
  const absent = await problemOf(api.getOrder({ params: { orderId: "ord_999999" } }));
  const refused = await problemOf(api.refundOrder({ amountCents: 100 }, { params: { orderId: id } }));
  const asked = await api.getOwnApproval({ params: { id: refused.approval?.id ?? "" } });
  // What the document does not allow is not even sent.
  const unsent = await api.listOrders({ queries: { limit: 0 } }).catch((error: unknown) => error);
  if (!(unsent instanceof ZodiosError) || isErrorFromAlias(api.api, "listOrders", unsent)) throw new Error("limit 0 was sent");
  const shop = await api.status();
  return {
    orders: page.orders.length,
    created: { status, items: items.length, traceId },
    absent: absent.code,
    wrong: ["/limit"],
    asked: asked.status,
    isOpen: shop !== undefined,
    exported: undefined,
  };
};
