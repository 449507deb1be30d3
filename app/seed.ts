// The tables of the shop and their first rows. The first rows are the same on every machine, so that examples and tests can name
// these rows. The shop loads this module only when the database file is new.

import type { OrderStatus } from "./schemas.ts";
import type { Database } from "./sql.ts";

export const seededCustomers = 60;
export const seededOrders = 300;

const tables = [
  `create table customers (
    id text primary key,
    name text not null,
    email text not null unique collate nocase,
    created_at text not null
  ) strict`,
  // With autoincrement, SQLite never uses the number of a deleted order again.
  `create table orders (
    number integer primary key autoincrement,
    customer_id text not null references customers (id),
    status text not null check (status in ('open', 'paid', 'refunded', 'cancelled')),
    total_cents integer not null check (total_cents >= 0),
    refunded_cents integer not null default 0 check (refunded_cents between 0 and total_cents),
    currency text not null,
    note text,
    trace_id text,
    created_at text not null
  ) strict`,
  "create index orders_by_customer on orders (customer_id)",
  "create index orders_by_time on orders (created_at)",
  `create table order_items (
    order_number integer not null references orders (number) on delete cascade,
    sku text not null,
    quantity integer not null,
    price_cents integer not null
  ) strict`,
  "create index order_items_by_order on order_items (order_number)",
  `create table refunds (
    number integer primary key autoincrement,
    order_number integer not null references orders (number),
    amount_cents integer not null check (amount_cents > 0),
    reason text,
    refunded_by text not null,
    created_at text not null
  ) strict`,
];

const firstNames = ["Ana", "Bruno", "Chidi", "Dana", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jun"];
const lastNames = ["Almeida", "Brandt", "Costa", "Dupont", "Eriksen", "Fischer"];
const products = [
  { sku: "mug-blue", priceCents: 1290 },
  { sku: "tea-assam", priceCents: 890 },
  { sku: "kettle-1l", priceCents: 4950 },
  { sku: "filter-100", priceCents: 450 },
  { sku: "grinder", priceCents: 12900 },
  { sku: "scale-2kg", priceCents: 3490 },
  { sku: "gift-card", priceCents: 2500 },
] as const;
const statuses: readonly OrderStatus[] = [
  "paid",
  "paid",
  "open",
  "paid",
  "cancelled",
  "paid",
  "open",
  "refunded",
  "paid",
  "paid",
];
const hourMs = 3_600_000;
const firstDay = Date.UTC(2025, 0, 1);

/**
 * Creates all tables and first rows of the shop in the transaction that the caller of this function has begun. So if one
 * statement fails, the database file gets no table and no row.
 */
export const seed = (database: Database): void => {
  for (const sql of tables) database.run(sql);
  for (let index = 0; index < seededCustomers; index++) seedCustomer(database, index);
  for (let index = 0; index < seededOrders; index++) seedOrder(database, index);
  database.run("PRAGMA user_version = 1");
};

const at = <Item>(list: readonly Item[], index: number): Item => list[index % list.length] as Item;

const seedCustomer = (database: Database, index: number): void => {
  const first = at(firstNames, index);
  const last = at(lastNames, Math.floor(index / firstNames.length));
  database.run("insert into customers (id, name, email, created_at) values (?, ?, ?, ?)", [
    `cus_${101 + index}`,
    `${first} ${last}`,
    `${first}.${last}@example.com`.toLowerCase(),
    new Date(firstDay - (seededCustomers - index) * 24 * hourMs).toISOString(),
  ]);
};

const seedOrder = (database: Database, index: number): void => {
  const number = 1001 + index;
  const status = at(statuses, index);
  const items = Array.from({ length: 1 + (index % 3) }, (_, line) => ({
    ...at(products, index + line),
    quantity: 1 + ((index + line) % 4),
  }));
  const totalCents = items.reduce((sum, item) => sum + item.quantity * item.priceCents, 0);
  // The first orders are 29 hours apart, so that their times fill the year 2025 and cover every hour of the day.
  const createdAt = new Date(firstDay + index * 29 * hourMs).toISOString();
  const refundedCents = status === "refunded" ? totalCents : 0;
  database.run(
    `insert into orders (number, customer_id, status, total_cents, refunded_cents, currency, created_at)
     values (?, ?, ?, ?, ?, ?, ?)`,
    [number, `cus_${101 + ((index * 7) % seededCustomers)}`, status, totalCents, refundedCents, "EUR", createdAt],
  );
  for (const item of items)
    database.run("insert into order_items (order_number, sku, quantity, price_cents) values (?, ?, ?, ?)", [
      number,
      item.sku,
      item.quantity,
      item.priceCents,
    ]);
  if (status === "refunded")
    database.run("insert into refunds (order_number, amount_cents, refunded_by, created_at) values (?, ?, ?, ?)", [
      number,
      totalCents,
      "seed",
      createdAt,
    ]);
};
