// The program and the gate suite know the services of plugins by what they use of them.

import { expect, test } from "vitest";
import { type Approvals as RealApprovals, approvalsRef as realApprovals } from "../../plugins/approval/service.ts";
import { type Audit, auditRef as realAudit } from "../../plugins/audit/service.ts";
import { type HttpService, httpRef as realHttp } from "../../plugins/http/service.ts";
import { type McpService, mcpRef as realMcp } from "../../plugins/mcp/service.ts";
import * as offered from "../../plugins/offered.ts";
import { type Store as RealStore, storeRef as realStore } from "../../plugins/store/service.ts";

/** Does not compile where the plugin's service lacks something. */
const offers = <Used, Real extends Used>(name: (service: Real) => Used) => name;

test("the plugins of Quater have the names and types that plugins/offered.ts lists", () => {
  offers<offered.Approvals, RealApprovals>((service) => service);
  offers<offered.Trail, Audit>((service) => service);
  offers<offered.Web, HttpService>((service) => service);
  offers<offered.Stdio, McpService>((service) => service);
  offers<offered.Store, RealStore>((service) => service);
  const { approvalsRef, auditRef, httpRef, mcpRef, storeRef } = offered;
  expect([approvalsRef, auditRef, httpRef, mcpRef, storeRef].map(({ name }) => name)).toEqual(
    [realApprovals, realAudit, realHttp, realMcp, realStore].map(({ name }) => name),
  );
});
