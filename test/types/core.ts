// What the compiler must refuse, with the reason beside it, and what it must infer. Compiled by `tsc`, never run.

import {
  anyone,
  authenticator,
  can,
  expose,
  type Handler,
  handler,
  hasRole,
  type InputOf,
  type OutputOf,
  type Policy,
  type Principal,
  type personOf,
  policy,
  problem,
  type Resource,
  resource,
  shaped,
  stream,
  Type,
} from "quater";
import { type Approved, definePlugin, type Hooks, opaque, type Services, serviceRef } from "quater/plugin-api";

type Same<A, B> = (<Value>() => Value extends A ? 1 : 2) extends <Value>() => Value extends B ? 1 : 2 ? true : false;
const same = <A, B>(_proof: Same<A, B>): void => {};

// What is inferred

const shop = resource({
  name: "shop",
  scope: "app",
  open: async () => ({ order: (id: string) => ({ id, cents: 5 }) }),
  close: (value) => void value.order("x"),
});
const Input = Type.Object({ orderId: Type.String(), cents: Type.Integer(), reason: Type.Optional(Type.String()) });

export const refundOrder = handler({
  description: "Refunds.",
  effect: "destructive",
  input: Input,
  output: Type.Object({ state: Type.Enum(["open", "done"]) }),
  auth: can("orders:refund"),
  use: { shop },
  problems: ["order_archived"],
  preview: ({ orderId }, { shop }) => shop.order(orderId).cents,
  handle: ({ orderId, cents, reason }, { shop, principal, signal, progress, callId }) => {
    same<typeof reason, string | undefined>(true);
    same<typeof principal, Principal>(true);
    same<typeof signal, AbortSignal>(true);
    same<typeof callId, string>(true);
    progress(0.5, shop.order(orderId).id);
    return { state: cents > 0 ? "open" : "done" };
  },
});
// A handler's type is of values, short enough to read on hover.
same<
  typeof refundOrder,
  Handler<{ orderId: string; cents: number; reason?: string }, { state: "open" | "done" }, "order_archived">
>(true);

export const watch = handler({
  description: "Watches.",
  effect: "read",
  input: Type.Object({ from: Type.Integer() }),
  output: stream(Type.Object({ at: Type.Integer() })),
  auth: [can("a"), hasRole("b")],
  async *handle({ from }) {
    yield { at: from };
  },
});
same<typeof watch, Handler<{ from: number }, AsyncIterable<{ at: number }>, never>>(true);

const own = {
  description: "Reads.",
  effect: "read",
  input: Input,
  output: Type.String(),
  use: { shop },
  handle: ({ orderId }: { orderId: string }) => orderId,
} as const;
handler({
  ...own,
  auth: ({ principal, input, shop }) => {
    same<typeof principal, Principal>(true);
    same<typeof input.cents, number>(true);
    return shop.order(input.orderId).id === principal.subject;
  },
});
handler({ ...own, auth: [can("x"), async ({ input }) => input.cents > 0 || "nothing to pay"] });
handler({ ...own, auth: { any: [hasRole("x"), ({ principal, input }) => principal.subject === input.orderId] } });

expose(async () => ({ refundOrder, watch, Input }), { refundOrder: { name: "refund", preview: "caller" } });

// Policies for another handler (S21). Each compiled before `NoInfer`, and let in every caller without the claim.

const byInvoice = {
  description: "Reads an invoice.",
  effect: "read",
  input: Type.Object({ invoiceId: Type.String() }),
  handle: ({ invoiceId }: { invoiceId: string }) => invoiceId,
} as const;
type ForCustomer = { readonly principal: Principal; readonly input: { readonly customerId: string } };
const isOwnCustomer = ({ principal, input }: ForCustomer): boolean => principal.claims["customerId"] === input.customerId;
const isOwnNumber = ({ input }: { readonly input: { readonly invoiceId: number } }): boolean => input.invoiceId === 7;
const isInShop = ({ shop }: { readonly shop: { readonly order: (id: string) => { readonly id: string } } }): boolean =>
  shop.order("x").id === "x";

handler({ ...byInvoice, auth: ({ input }: { readonly input: { readonly invoiceId: string } }) => input.invoiceId === "7" });
handler({ ...byInvoice, auth: isInShop, use: { shop } });
// @ts-expect-error the policy reads input.customerId, and the input has invoiceId
handler({ ...byInvoice, auth: isOwnCustomer });
// @ts-expect-error nor inside a list
handler({ ...byInvoice, auth: [can("invoices:read"), isOwnCustomer] });
// @ts-expect-error nor as an alternative
handler({ ...byInvoice, auth: { any: [can("invoices:read"), isOwnCustomer] } });
// @ts-expect-error the policy reads a number, and the input has a string
handler({ ...byInvoice, auth: isOwnNumber });
// @ts-expect-error the policy needs the resource shop, and `use` does not name it
handler({ ...byInvoice, auth: isInShop });
// @ts-expect-error nor inside a list
handler({ ...byInvoice, auth: [can("invoices:read"), isInShop] });
// @ts-expect-error a preview for another input
handler({ ...byInvoice, auth: anyone, preview: ({ customerId }: { customerId: string }) => customerId });
// @ts-expect-error a function for another input
handler({ ...byInvoice, auth: anyone, handle: ({ customerId }: { customerId: string }) => customerId });

// Named policies

const isOwnNote = policy({
  name: "isOwnNote",
  needs: { invoiceId: Type.String({ minLength: 1 }), page: Type.Optional(Type.Integer()) },
  use: { shop },
  allow: ({ principal, input, shop }) => {
    same<typeof input.invoiceId, string>(true);
    same<typeof input.page, number | undefined>(true);
    return shop.order(input.invoiceId).id === principal.subject || "not yours";
  },
});
same<typeof isOwnNote, Policy<{ readonly invoiceId: string; readonly page?: number }>>(true);
handler({ ...byInvoice, auth: isOwnNote });
handler({ ...byInvoice, auth: [can("x"), isOwnNote] });
handler({ ...byInvoice, auth: { any: [isOwnNote, can("x"), ({ input }) => input.invoiceId === "7"] } });
handler({ ...byInvoice, auth: policy({ name: "isAnybody", allow: ({ principal }) => principal.scopes.length > 0 }) });
// @ts-expect-error the policy needs input.invoiceId
handler({ ...own, auth: isOwnNote });
// @ts-expect-error nor inside a list
handler({ ...own, auth: [can("x"), isOwnNote] });
// @ts-expect-error nor as an alternative
handler({ ...own, auth: { any: [isOwnNote, can("x")] } });
// @ts-expect-error the input has the property with another type
handler({ ...byInvoice, auth: policy({ name: "x", needs: { invoiceId: Type.Integer() }, allow: () => true }) });
// @ts-expect-error the property may be absent in the input
handler({ ...own, auth: policy({ name: "x", needs: { reason: Type.String() }, allow: () => true }) });
// @ts-expect-error `needs` has no customerId
policy({ name: "x", needs: { invoiceId: Type.String() }, allow: ({ input }) => input.customerId === "x" });
// @ts-expect-error `use` has no shop
policy({ name: "x", allow: ({ shop }) => shop !== undefined });
// @ts-expect-error a policy answers yes, no, or a sentence
policy({ name: "x", allow: () => 1 });
// @ts-expect-error a policy has a name
policy({ allow: () => true });

// Problems

const archived = problem("note_archived", "conflict");
const archive = handler({
  ...byInvoice,
  auth: anyone,
  output: Type.Boolean(),
  problems: [archived, "gone"],
  handle: () => archived("x"),
});
same<typeof archive, Handler<{ invoiceId: string }, boolean, "note_archived" | "gone">>(true);
same<InputOf<typeof archive>, { invoiceId: string }>(true);
same<OutputOf<typeof archive>, boolean>(true);
same<ReturnType<typeof personOf>, string>(true);
problem("wrong_password", "unauthenticated");
// @ts-expect-error calls that wait for people are the gate's
problem("x", "approval_required");
// @ts-expect-error a problem has a kind
problem("x");
// @ts-expect-error a problem says what is wrong
archived();
// @ts-expect-error a message is no problem
handler({ ...byInvoice, auth: anyone, problems: [archived, 1] });
// @ts-expect-error only handlers have inputs
export type NoInput = InputOf<typeof archived>;

// Any result of `close` will do.
// A call's resource opens for its caller, an app's for nobody.
const ownRows = resource({
  name: "ownRows",
  scope: "call",
  use: { shop },
  open: ({ shop, principal, signal, callId }) => {
    same<typeof principal, Principal>(true);
    same<typeof signal, AbortSignal>(true);
    same<typeof callId, string>(true);
    return shop.order(principal.subject);
  },
  close: (value, { failed }) => same<typeof value, { id: string; cents: number }>(!failed as true),
});
same<typeof ownRows, Resource<{ id: string; cents: number }>>(true);
resource({ name: "pool", scope: "app", use: { shop }, open: ({ shop }) => shop, isReady: (pool) => pool.order("x").cents > 0 });
// @ts-expect-error a resource of the app has no caller
resource({ name: "pool", scope: "app", open: ({ principal }) => principal });
// @ts-expect-error a resource of a call does not open at the start
resource({ name: "tx", scope: "call", opens: "start", open: () => 1 });
authenticator({
  name: "sessions",
  use: { shop },
  authenticate: ({ token }, { shop }) => {
    same<ReturnType<typeof shop.order>, { id: string; cents: number }>(true);
    return token === shop.order("x").id ? undefined : null;
  },
});
// @ts-expect-error the resource users is missing from use
authenticator({ name: "sessions", use: { shop }, authenticate: (_, { users }) => users });

resource({ name: "file", scope: "app", open: () => ({ end: () => "done" }), close: (file) => file.end() });

// Handlers

// @ts-expect-error a handler must say who may call it
handler({ ...own });
// @ts-expect-error a policy answers yes, no, or a sentence
handler({ ...own, auth: ({ input }) => input.cents });
// @ts-expect-error the input has no such field
handler({ ...own, auth: ({ input }) => input.amount === 1 });
// @ts-expect-error an effect is one of three
handler({ ...own, auth: anyone, effect: "delete" });
// @ts-expect-error the output is a string
handler({ ...own, auth: anyone, handle: ({ cents }) => cents });
const ticks = async function* () {
  yield { on: 1 };
};
// @ts-expect-error an item of the stream is an object with `at`
handler({ ...own, auth: anyone, output: stream(Type.Object({ at: Type.Integer() })), handle: ticks });
// @ts-expect-error the word is not in the output schema
handler({ ...own, auth: anyone, output: Type.Enum(["a", "b"]), handle: (_) => "c" });
// @ts-expect-error `principal` is the context's own name
handler({ ...own, auth: anyone, use: { principal: shop } });
// @ts-expect-error what is used is a resource, not its value
handler({ ...own, auth: anyone, use: { shop: { order: () => 1 } } });
// @ts-expect-error nothing of that name is in `use`
handler({ ...own, auth: anyone, handle: (_, { database }) => String(database) });

// Exposure

// @ts-expect-error the module exports no such handler
expose(async () => ({ refundOrder }), { refundOrderr: {} });
// @ts-expect-error also beside a right one
expose(async () => ({ refundOrder }), { refundOrder: {}, refundOrderr: {} });
// @ts-expect-error a schema is an export, but no handler
expose(async () => ({ refundOrder, Input }), { Input: {} });
// @ts-expect-error no plugin owns this key
expose(async () => ({ refundOrder }), { refundOrder: { teleprinter: true } });
// @ts-expect-error also beside a right one
expose(async () => ({ refundOrder }), { refundOrder: { name: "refund", teleprinter: true } });
// @ts-expect-error a preview is shown to the caller or not named at all
expose(async () => ({ refundOrder }), { refundOrder: { preview: "all" } });

// Plugins

interface Store {
  readonly save: (text: string) => void;
}
const storeRef = serviceRef<Store>("store");
const printing = definePlugin({ print: opaque<(line: string) => void>("a function that takes a line") }, (options) => ({
  name: "printing",
  needs: [storeRef],
  setup: ({ services, log, mode }) => {
    same<typeof mode, "serve" | "dev" | "stdio" | "run" | "inspect" | "test">(true);
    services.get(storeRef).save("x");
    log.info("x");
    return { hooks: { settled: (call, outcome) => options.print(`${call.callId} ${outcome.ok}`) } };
  },
}));
printing({ print: () => {} });
// @ts-expect-error `print` is required
printing();
// @ts-expect-error no such option
printing({ print: () => {}, colour: true });

declare const services: Services;
services.provide(storeRef, { save: () => {} });
// @ts-expect-error a store has `save`
services.provide(storeRef, { write: () => {} });

const approvedOnly = (call: Approved) => ({ allow: true as const, by: call.approvedBy.join() });
// @ts-expect-error a call that is being authorised is not approved yet
export const tooEarly: Hooks = { authorize: approvedOnly };
// @ts-expect-error neither within a plugin
definePlugin(() => ({ name: "early", hooks: { authorize: approvedOnly } }));
// @ts-expect-error there is no such hook
definePlugin(() => ({ name: "typo", hooks: { authorise: () => ({ allow: true, by: "x" }) } }));
const no = () => ({ allow: false as const, by: "x" });
// @ts-expect-error neither beside one that there is
definePlugin(() => ({ name: "typo", hooks: { settled: () => {}, authorise: no } }));
// @ts-expect-error nor chosen per handler
definePlugin(() => ({ name: "typo", hooks: () => ({ settled: () => {}, authorise: no }) }));
// @ts-expect-error nor returned by setup
definePlugin(() => ({ name: "typo", setup: () => ({ hooks: { settled: () => {}, authorise: no } }) }));
// @ts-expect-error a plugin has hooks, and no hook
definePlugin(() => ({ name: "typo", hook: { authorize: no } }));
// @ts-expect-error and so has what setup returns
definePlugin(() => ({ name: "typo", setup: async () => ({ start: () => {}, hook: { authorize: no } }) }));
definePlugin(() => ({
  name: "right",
  hooks: (operation) => (operation === undefined ? undefined : { authorize: no, settled: (call) => void call.callId }),
  setup: async ({ mode }) => (mode === "serve" ? { start: () => {} } : { hooks: { admit: no } }),
}));
export const answers: Hooks = {
  authorize: () => ({ allow: true }),
  admit: () => "Too many calls",
  approve: async () => ({ allow: true, consume: () => true }),
  hold: async () => false,
};
// @ts-expect-error a hook that decides must answer
export const missing: Hooks = { authorize: () => {} };
// @ts-expect-error also later
export const later: Hooks = { authorize: async () => undefined };
// @ts-expect-error a number is no answer
export const number: Hooks = { authorize: () => 1 };
// @ts-expect-error only `admit` may replay
export const replaying: Hooks = { approve: () => ({ allow: "replay", by: "x", value: 1 }) };

// Shaped outputs take what databases return, and answer what the schema says

const Paid = Type.Object({
  id: Type.Integer(),
  at: Type.String({ format: "date-time" }),
  state: Type.Literal("paid"),
  tags: Type.Array(Type.String()),
});
export const listPaid = handler({
  description: "Lists.",
  effect: "read",
  input: Type.Object({}),
  output: shaped(Type.Array(Paid)),
  auth: anyone,
  handle: (_) => [{ id: 7n, at: new Date(), state: "paid", tags: ["a"], password: "dropped" }],
});
same<OutputOf<typeof listPaid>, { id: number; at: string; state: "paid"; tags: string[] }[]>(true);
export const streamPaid = handler({
  description: "Streams.",
  effect: "read",
  input: Type.Object({}),
  output: stream(shaped(Paid)),
  auth: anyone,
  async *handle() {
    yield { id: 7n, at: new Date(), state: "paid" as const, tags: [] };
  },
});
same<OutputOf<typeof streamPaid>, AsyncIterable<{ id: number; at: string; state: "paid"; tags: string[] }>>(true);
handler({
  description: "Lists.",
  effect: "read",
  input: Type.Object({}),
  output: Paid,
  auth: anyone,
  // @ts-expect-error without shaped() a Date is refused, and so it does not compile
  handle: (_) => ({ id: 7, at: new Date(), state: "paid", tags: [] }),
});
handler({
  description: "Lists.",
  effect: "read",
  input: Type.Object({}),
  output: shaped(Paid),
  auth: anyone,
  // @ts-expect-error a literal stays one, and a missing field is missed
  handle: (_) => ({ id: 7, at: new Date(), state: "open" }),
});
