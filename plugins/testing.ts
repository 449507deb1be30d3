// `quater/testing`: the kit of core, and what needs a plugin beside it: the gate suite and the claims about approval. Here
// and not in core, which knows no plugin.

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
