// Handlers of every kind that a client can call.

import { readFile } from "node:fs/promises";
import { anyone, authenticated, can, conflict, file, handler, notFound, problem, stream, Type, text, withDefault } from "quater";

const orderClosed = problem("order_closed", "conflict");

export const getOrder = handler({
  description: "Shows an order.",
  effect: "read",
  input: Type.Object({
    orderId: Type.String({ minLength: 1 }),
    limit: withDefault(Type.Integer(), 3),
    tags: Type.Optional(Type.Array(Type.String())),
    isBrief: Type.Optional(Type.Boolean()),
  }),
  output: Type.Object({
    orderId: Type.String(),
    limit: Type.Integer(),
    tags: Type.Array(Type.String()),
    isBrief: Type.Optional(Type.Boolean()),
  }),
  auth: can("orders:read"),
  handle: ({ tags = [], ...input }) => ({ ...input, tags }),
});

export const createOrder = handler({
  description: "Creates an order.",
  effect: "write",
  input: Type.Object({ items: Type.Array(Type.Object({ sku: Type.String() })), traceId: Type.Optional(Type.String()) }),
  output: Type.Object({ count: Type.Integer(), traceId: Type.Optional(Type.String()) }),
  auth: can("orders:read"),
  problems: [orderClosed],
  handle: ({ items, ...input }) => (items.length === 0 ? orderClosed("The order is closed") : { ...input, count: items.length }),
});

export const removeOrder = handler({
  description: "Removes an order.",
  effect: "write",
  input: Type.Object({ orderId: Type.String(), reason: Type.Optional(Type.String()) }),
  output: Type.Null(),
  auth: can("orders:read"),
  handle: ({ orderId, reason }) => (reason === undefined ? conflict(`${orderId} needs a reason`) : null),
});

export const countUp = handler({
  description: "Counts.",
  effect: "read",
  input: Type.Object({ to: Type.Integer(), failAt: Type.Optional(Type.Integer()) }),
  output: stream(Type.Object({ n: Type.Integer(), error: Type.Optional(Type.String()) })),
  auth: can("orders:read"),
  async *handle({ to, failAt }, { signal }) {
    for (let n = 1; n <= to; n++) {
      signal.throwIfAborted();
      if (n === failAt) orderClosed("The order is closed");
      yield { n, error: "of the item itself\n\nevent: end" };
    }
  },
});

/** Answers when its caller has left. */
export const waitLong = handler({
  description: "Waits.",
  effect: "read",
  input: Type.Object({}),
  output: Type.Null(),
  auth: anyone,
  handle: (_, { signal }) => new Promise<null>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
});

export const pay = handler({
  description: "Pays.",
  effect: "destructive",
  input: Type.Object({ cents: Type.Integer() }),
  output: Type.Object({ paid: Type.Integer() }),
  auth: authenticated,
  handle: ({ cents }) => ({ paid: cents }),
});

const photo = { maxBytes: 1_000, mediaTypes: ["text/*", "application/json"] };

export const addPhotos = handler({
  description: "Adds photos.",
  effect: "write",
  input: Type.Object({
    albumId: Type.String(),
    cover: file(photo),
    others: Type.Optional(Type.Array(file(photo))),
    about: Type.Object({ text: Type.String(), year: Type.Integer() }),
    isPrivate: Type.Optional(Type.Boolean()),
  }),
  output: Type.Object({ albumId: Type.String(), files: Type.Array(Type.String()), about: Type.String() }),
  auth: can("orders:read"),
  handle: async ({ albumId, cover, others = [], about }) => ({
    albumId,
    files: await Promise.all([cover, ...others].map(async ({ name, path }) => `${name}: ${await readFile(path, "utf8")}`)),
    about: `${about.text} ${about.year}`,
  }),
});

export const getPhoto = handler({
  description: "Gets a photo.",
  effect: "read",
  input: Type.Object({ name: Type.String() }),
  output: file({ mediaTypes: ["application/pdf"] }),
  auth: can("orders:read"),
  handle: ({ name }) => (name === "" ? notFound("photo", name) : { content: `%PDF of ${name}`, name }),
});

export const listAsCsv = handler({
  description: "Lists as CSV.",
  effect: "read",
  input: Type.Object({}),
  output: text("text/csv"),
  auth: can("orders:read"),
  handle: () => "a,b\n1,2\n",
});

export const renameAlbum = handler({
  description: "Renames an album.",
  effect: "write",
  input: Type.Object({ albumId: Type.String(), title: Type.String() }),
  output: Type.Object({ id: Type.String(), title: Type.String() }),
  auth: can("orders:read"),
  handle: ({ albumId, title }) => ({ id: albumId, title }),
});
