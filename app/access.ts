// The shop's own policies, besides scopes and roles. A customer who signs in may see their own customer record and their own
// orders. The principal's claim `customerId` is the id of the customer.

import { type Principal, policy } from "quater";
import { CustomerId } from "./schemas.ts";

export const customerIdOf = (principal: Principal): string | undefined => {
  const claimed = principal.claims["customerId"];
  return typeof claimed === "string" ? claimed : undefined;
};

/** Allows customers to use their own customer record. Refuses callers without the claim `customerId`. */
export const isOwnRecord = policy({
  name: "isOwnRecord",
  needs: { customerId: CustomerId },
  allow: ({ principal, input }) => {
    const own = customerIdOf(principal);
    return own !== undefined && own === input.customerId;
  },
});

/** Allows every caller who is a customer. */
export const isCustomer = policy({
  name: "isCustomer",
  allow: ({ principal }) => customerIdOf(principal) !== undefined || "Only a customer has orders of their own",
});
