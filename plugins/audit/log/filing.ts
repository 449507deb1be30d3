// Finds the filing event of an approval request by the id of the call that filed the request. Quater uses this search for
// requests that are older than the linked events in memory.

import type { OpenStore } from "../../store/service.ts";
import type { ProvenFiling } from "../service.ts";
import { readerOf, verifiedRows } from "../verify/find.ts";
import { filedFields } from "./evidence.ts";
import type { TrailKeys } from "./keys.ts";
import { queriesOn } from "./queries.ts";

/** The most events of one call that Quater reads. */
const most = 1_000;

/** Returns the filing event of an approval request. @throws {StoreFailure} */
export const filingOf = async (
  store: OpenStore,
  keys: TrailKeys,
  approvalId: string,
  callId: string,
): Promise<ProvenFiling | undefined> => {
  const { page, previous } = queriesOn(store);
  const query = page("after", 0, most).select(previous).where("call_id", "=", callId).where("type", "=", "approval.filed");
  const rows = await verifiedRows(readerOf(store, keys), query);
  const metas = rows.flatMap((found) => (found.unverified === undefined ? found.meta : []));
  const filing = metas.find((meta) => meta.approvalId === approvalId);
  return filing && { format: filing.v, filed: filedFields(filing), requester: filing.principal };
};
