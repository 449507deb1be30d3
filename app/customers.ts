// The handlers for customers. The schemas mark names and email addresses of customers as personal. A customer can read their own
// record without any scope.

import { can, handler, invalid, notFound, personal, Type, withDefault } from "quater";
import { isOwnRecord } from "./access.ts";
import { emailTaken } from "./problems.ts";
import { Customer, CustomerId, CustomerPage } from "./schemas.ts";
import { shop } from "./shop.ts";

export const listCustomers = handler({
  description: "List customers by their number, one page at a time.",
  effect: "read",
  input: Type.Object({
    limit: withDefault(Type.Integer({ minimum: 1, maximum: 100, description: "How many at most" }), 20),
    cursor: Type.Optional(Type.With(CustomerId, { description: "The next of the page before" })),
  }),
  output: CustomerPage,
  auth: can("customers:read"),
  use: { shop },
  handle: ({ limit, cursor }, { shop }) => shop.customers(limit, cursor),
});

export const getCustomer = handler({
  description: "Show one customer. Customers may look at their own record.",
  effect: "read",
  input: Type.Object({ customerId: CustomerId }),
  output: Customer,
  auth: { any: [can("customers:read"), isOwnRecord] },
  use: { shop },
  handle: ({ customerId }, { shop }) => shop.customer(customerId) ?? notFound("customer", customerId),
});

export const updateCustomer = handler({
  description: "Change a customer's name or email address; what is not given stays. Customers may change their own record.",
  effect: "write",
  idempotent: true,
  input: Type.Object({
    customerId: CustomerId,
    name: Type.Optional(personal(Type.String({ minLength: 1, maxLength: 120 }))),
    email: Type.Optional(personal(Type.String({ format: "email", maxLength: 254 }))),
  }),
  output: Customer,
  auth: { any: [can("customers:write"), isOwnRecord] },
  use: { shop },
  problems: [emailTaken],
  handle: ({ customerId, ...changes }, { shop }) => {
    if (Object.keys(changes).length === 0) invalid("", "must have a name or an email to change");
    return shop.updateCustomer(customerId, changes);
  },
});
