// The functions that the tests of approvals share.

import { auditRef } from "quater/audit";
import { storeRef } from "quater/store";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { ApprovalContext } from "../../../plugins/approval/requests/approval-context.ts";
import { RequestReader } from "../../../plugins/approval/requests/reading.ts";
import { Secrecy } from "../../../plugins/approval/requests/secrecy.ts";
import type { Desk } from "./desk-kit.ts";

export * from "./desk-kit.ts";
export * from "./dialects-kit.ts";
export { finance, paid, pay, people } from "./pay-kit.ts";

/** Returns the context of the approval plugin's parts, over the store and the trail of a desk, for tests of periodic work. */
export const contextOf = ({ app }: Desk): ApprovalContext => {
  const { services, project } = kernelOf(app);
  const opened = services.get(storeRef);
  const secrecy = new Secrecy((label) => services.get(auditRef).deriveSecrets(label));
  return new ApprovalContext({
    app: project.name,
    store: opened,
    audit: services.get(auditRef),
    reader: new RequestReader(opened, secrecy),
    secrecy,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    tell: () => undefined,
    urlOf: () => undefined,
    maxPending: 20,
    maxFiledPerHour: 60,
    cooldownMs: 600_000,
  });
};
