// The exposure key `approval`, which gives a handler an approval policy.

import { Type } from "../../core/index.ts";
import { exposureKey } from "../../core/plugin-api.ts";

/**
 * The value of the exposure key `approval`, which is the name of an approval policy. The object form limits the approval policy
 * to some surfaces.
 */
export type ApprovalExposure = string | { readonly policy: string; readonly surfaces?: readonly string[] };

const exposureSchema = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object(
    { policy: Type.String({ minLength: 1 }), surfaces: Type.Optional(Type.Array(Type.String())) },
    { additionalProperties: false },
  ),
]);

/** The resolved value of the exposure key `approval`. Without `surfaces`, the approval policy applies on every surface. */
export interface ExposedApproval {
  readonly policy: string;
  readonly surfaces?: readonly string[];
}

export const approvalKey = exposureKey("approval", exposureSchema, {
  means: "approval",
  remedy: 'Write the name of an approval policy, or { policy: "finance", surfaces: ["mcp"] }',
  resolve: (given): ExposedApproval => (typeof given === "string" ? { policy: given } : given),
});
