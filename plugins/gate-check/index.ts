// What `quater/testing` and `quater check --gate` use of the gate suite.

import type { Manifest } from "../../core/index.ts";
import type { GateReport, GateSuiteOptions } from "./suite.ts";

export { expectApproval } from "./expect.ts";
export type { GateReport } from "./suite.ts";

/**
 * Tries the gate of a manifest from the outside of every surface. Nothing of the project is opened, run or written.
 *
 * @example
 * const report = await gateSuite(manifest);
 * expect(report.holes).toEqual([]);
 * @throws {BootError} when the manifest does not boot.
 */
export const gateSuite = async (manifest: Manifest, options: GateSuiteOptions = {}): Promise<GateReport> =>
  (await import("./suite.ts")).gateSuite(manifest, options);
