// Policies of the shop's own, beside scopes and roles: a customer who signs in may see what is theirs. The claim
// `customerId` of the principal says which customer it is.

import type { Principal } from "quater";

export const customerIdOf = (principal: Principal): string | undefined => {
  const claimed = principal.claims["customerId"];
  return typeof claimed === "string" ? claimed : undefined;
};

/** Allows a customer their own record. Refuses callers without the claim. */
export const isOwnRecord = (call: {
  readonly principal: Principal;
  readonly input: { readonly customerId: string };
}): boolean => {
  const own = customerIdOf(call.principal);
  return own !== undefined && own === call.input.customerId;
};

/** Allows every caller who is a customer. */
export const isCustomer = ({ principal }: { readonly principal: Principal }): boolean | string =>
  customerIdOf(principal) !== undefined || "Only a customer has orders of their own";
