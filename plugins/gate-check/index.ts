// The gate suite for `quater/testing` and `quater check --gate`. Node loads the code of the gate suite only when the gate suite
// runs.

import type { Manifest } from "../../core/index.ts";
import type { GateReport, GateSuiteOptions } from "./suite.ts";

export { expectApproval } from "./expect.ts";
export type { GateReport } from "./suite.ts";

/**
 * Calls each handler through the probe of each surface. In each call, one part is missing or wrong. The report lists each call
 * that should not have run. By default, the gate suite opens, runs and writes nothing of the project.
 *
 * @example
 * const report = await gateSuite(manifest);
 * expect(report.holes).toEqual([]);
 * @throws {BootError} when the manifest does not boot.
 */
export const gateSuite = async (manifest: Manifest, options: GateSuiteOptions = {}): Promise<GateReport> =>
  (await import("./suite.ts")).gateSuite(manifest, options);
