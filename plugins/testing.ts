// `quater/testing`: the kit of core, and what needs a plugin beside it: the gate suite and the claims about approval. Here
// and not in core, which knows no plugin.

import type { Manifest } from "../core/index.ts";
import type { GateReport, GateSuiteOptions } from "./gate-check/suite.ts";

export {
  bootTest,
  direct,
  expectDenied,
  expectOk,
  type LogLine,
  principal,
  type TestApp,
  type TestCall,
  tokens,
} from "../core/testing/index.ts";
export { expectApproval } from "./gate-check/expect.ts";
export type { GateReport } from "./gate-check/suite.ts";

/**
 * Tries the gate of a manifest from the outside of every surface. Nothing of the project is opened, run or written.
 *
 * @example
 * const report = await gateSuite(manifest);
 * expect(report.holes).toEqual([]);
 * @throws {BootError} when the manifest does not boot.
 */
export const gateSuite = async (manifest: Manifest, options: GateSuiteOptions = {}): Promise<GateReport> =>
  (await import("./gate-check/suite.ts")).gateSuite(manifest, options);
