// The entry `quater/testing`, which exports core's test kit, and the parts of the test kit that need plugins: the gate suite and
// the assertions about approval. The gate suite and these assertions are not in core, because core does not import plugins.

export {
  bootTest,
  direct,
  expectDenied,
  expectOk,
  fileOf,
  type LogLine,
  principal,
  type TestApp,
  type TestCall,
  tokens,
} from "../core/testing/index.ts";
export { expectApproval, type GateReport, gateSuite } from "./gate-check/index.ts";
