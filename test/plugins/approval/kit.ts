// What tests of approvals share.

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

/** What the plugin's parts stand on, over the desk's own store and trail: for what runs by itself from time to time. */
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
