// The rules and the SQL of the shop. Every change of the shop's data reads and writes inside one transaction. So no other process
// can change a row between the check of a rule and the change, even if several processes use the same database file.

import { notFound, resource } from "quater";
import { database } from "./database.ts";
import { emailTaken, noteFull, orderNotOpen, orderNotPaid, refundTooLarge } from "./problems.ts";
import type {
  Customer,
  CustomerPage,
  Order,
  OrderItem,
  OrderPage,
  OrderStatus,
  OrderWithItems,
  Refund,
  SalesReport,
} from "./schemas.ts";
import type { Database } from "./sql.ts";

export interface OrderFilter {
  readonly status?: OrderStatus;
  readonly customerId?: string;
  /** The first day of the selected orders. The filter selects the orders of this day and of later days. */
  readonly createdAfter?: string;
}

export interface NewOrder {
  readonly customerId: string;
  readonly items: readonly OrderItem[];
  readonly currency: Order["currency"];
  readonly isPaid: boolean;
  readonly note?: string;
  readonly traceId?: string;
}

/** The effect that a refund would have. The approvers of the refund see this forecast. */
export interface RefundForecast {
  readonly orderId: string;
  readonly customerId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly leftAfterwardsCents: number;
  readonly statusAfterwards: OrderStatus;
}

export const noteMaxLength = 2000;

interface OrderRow {
  readonly number: number;
  readonly customer_id: string;
  readonly status: OrderStatus;
  readonly total_cents: number;
  readonly refunded_cents: number;
  readonly currency: Order["currency"];
  readonly note: string | null;
  readonly trace_id: string | null;
  readonly created_at: string;
}

const orderColumns = "number, customer_id, status, total_cents, refunded_cents, currency, note, trace_id, created_at";
const customerColumns = 'id, name, email, created_at as "createdAt"';

const orderFrom = (row: OrderRow): Order => ({
  id: `ord_${row.number}`,
  customerId: row.customer_id,
  status: row.status,
  totalCents: row.total_cents,
  refundedCents: row.refunded_cents,
  currency: row.currency,
  ...(row.note === null ? {} : { note: row.note }),
  ...(row.trace_id === null ? {} : { traceId: row.trace_id }),
  createdAt: row.created_at,
});

/** Converts an order id such as `ord_1001` to the order number 1001. The schemas accept only order ids of this form. */
const numberOf = (orderId: string): number => Number(orderId.slice("ord_".length));

const now = (): string => new Date().toISOString();

export class Shop {
  readonly #database: Database;

  constructor(opened: Database) {
    this.#database = opened;
  }

  order(id: string): Order | undefined {
    const [row] = this.#database.all<OrderRow>(`select ${orderColumns} from orders where number = ?`, [numberOf(id)]);
    return row === undefined ? undefined : orderFrom(row);
  }

  items(order: Order): OrderItem[] {
    return this.#database.all<OrderItem>(
      'select sku, quantity, price_cents as "priceCents" from order_items where order_number = ? order by rowid',
      [numberOf(order.id)],
    );
  }

  /**
   * Returns one page of orders, newest first. The next page begins where the previous page ended, even if orders were added in
   * the meantime.
   *
   * @param cursor  The id of the last order on the previous page.
   */
  orders(filter: OrderFilter, limit: number, cursor?: string): OrderPage {
    const { where, binds } = conditionsOf(filter);
    if (cursor !== undefined) {
      where.push("number < ?");
      binds.push(numberOf(cursor));
    }
    // This query reads one order more than `limit`, to find out whether there is another page.
    const rows = this.#database.all<OrderRow>(
      `select ${orderColumns} from orders ${whereText(where)} order by number desc limit ?`,
      [...binds, limit + 1],
    );
    const orders = rows.slice(0, limit).map(orderFrom);
    const last = orders.at(-1);
    return rows.length > limit && last !== undefined ? { orders, next: last.id } : { orders };
  }

  countOrders(filter: OrderFilter = {}): number {
    const { where, binds } = conditionsOf(filter);
    return this.#count(`select count(*) as "count" from orders ${whereText(where)}`, binds);
  }

  /** @throws {QuaterError} `not_found` for an unknown customer. */
  createOrder(wanted: NewOrder): OrderWithItems {
    const totalCents = wanted.items.reduce((sum, item) => sum + item.quantity * item.priceCents, 0);
    return this.#database.inTransaction(() => {
      if (this.customer(wanted.customerId) === undefined) notFound("customer", wanted.customerId);
      const rows = this.#database.all<OrderRow>(
        `insert into orders (customer_id, status, total_cents, currency, note, trace_id, created_at)
         values (?, ?, ?, ?, ?, ?, ?) returning ${orderColumns}`,
        [wanted.customerId, wanted.isPaid ? "paid" : "open", totalCents, wanted.currency, wanted.note, wanted.traceId, now()],
      );
      const order = orderFrom(rows[0] as OrderRow);
      for (const item of wanted.items)
        this.#database.run("insert into order_items (order_number, sku, quantity, price_cents) values (?, ?, ?, ?)", [
          numberOf(order.id),
          item.sku,
          item.quantity,
          item.priceCents,
        ]);
      return { ...order, items: this.items(order) };
    });
  }

  /** @throws {QuaterError} the error that `refund` would throw for the same order and amount. */
  describeRefund(orderId: string, amountCents: number): RefundForecast {
    const order = this.#refundable(orderId, amountCents);
    const leftAfterwardsCents = order.totalCents - order.refundedCents - amountCents;
    return {
      orderId,
      customerId: order.customerId,
      amountCents,
      currency: order.currency,
      leftAfterwardsCents,
      statusAfterwards: leftAfterwardsCents === 0 ? "refunded" : "paid",
    };
  }

  /**
   * @param by  The issuer and subject of the principal who refunds. `refund` stores this text with the refund.
   * @throws {QuaterError} `not_found`, `order_not_paid`, `refund_too_large`.
   */
  refund(orderId: string, amountCents: number, by: string, reason?: string): Refund {
    return this.#database.inTransaction(() => {
      const { statusAfterwards } = this.describeRefund(orderId, amountCents);
      this.#database.run(
        "insert into refunds (order_number, amount_cents, reason, refunded_by, created_at) values (?, ?, ?, ?, ?)",
        [numberOf(orderId), amountCents, reason, by, now()],
      );
      const rows = this.#database.all<OrderRow>(
        `update orders set refunded_cents = refunded_cents + ?, status = ? where number = ? returning ${orderColumns}`,
        [amountCents, statusAfterwards, numberOf(orderId)],
      );
      const { refundedCents, currency, status } = orderFrom(rows[0] as OrderRow);
      return { orderId, amountCents, refundedCents, currency, status, refundedBy: by };
    });
  }

  /** @throws {QuaterError} `not_found` for an unknown order; `order_not_open` unless the order is open or already cancelled. */
  cancel(orderId: string): Order {
    return this.#database.inTransaction(() => {
      const order = this.#existing(orderId);
      if (order.status === "cancelled") return order;
      if (order.status !== "open") orderNotOpen(`Order ${order.id} is ${order.status}; only an open order can be cancelled`);
      this.#database.run("update orders set status = 'cancelled' where number = ?", [numberOf(orderId)]);
      return { ...order, status: "cancelled" };
    });
  }

  /**
   * Adds a line to the order's note.
   *
   * @throws {QuaterError} `not_found` for an unknown order; `note_full` when the note would become longer than `noteMaxLength`.
   */
  addNote(orderId: string, line: string): Order {
    return this.#database.inTransaction(() => {
      const order = this.#existing(orderId);
      const note = order.note === undefined ? line : `${order.note}\n${line}`;
      if (note.length > noteMaxLength)
        noteFull(`The note of order ${order.id} has no room for this: it holds ${noteMaxLength} characters`);
      this.#database.run("update orders set note = ? where number = ?", [note, numberOf(orderId)]);
      return { ...order, note };
    });
  }

  /** Returns the number of orders that `purge` would delete now. */
  countPurgeable(createdBefore: string): number {
    return this.#count(`select count(*) as "count" from orders where ${purgeable}`, [createdBefore]);
  }

  /** Deletes the cancelled orders from before the day `createdBefore`. @returns The number of deleted orders. */
  purge(createdBefore: string): number {
    return this.#database.inTransaction(() => this.#database.run(`delete from orders where ${purgeable}`, [createdBefore]));
  }

  customer(id: string): Customer | undefined {
    return this.#database.all<Customer>(`select ${customerColumns} from customers where id = ?`, [id])[0];
  }

  /** @param cursor  The id of the last customer on the previous page. */
  customers(limit: number, cursor = ""): CustomerPage {
    const rows = this.#database.all<Customer>(`select ${customerColumns} from customers where id > ? order by id limit ?`, [
      cursor,
      limit + 1,
    ]);
    const customers = rows.slice(0, limit);
    const last = customers.at(-1);
    return rows.length > limit && last !== undefined ? { customers, next: last.id } : { customers };
  }

  /**
   * @throws {QuaterError} `not_found` for an unknown customer; `email_taken` when another customer has the same email address.
   */
  updateCustomer(id: string, changes: { readonly name?: string; readonly email?: string }): Customer {
    return this.#database.inTransaction(() => {
      const customer = { ...(this.customer(id) ?? notFound("customer", id)), ...changes };
      const others = this.#database.all("select id from customers where email = ? and id <> ?", [customer.email, id]);
      if (others.length > 0) emailTaken("Another customer has this email address");
      this.#database.run("update customers set name = ?, email = ? where id = ?", [customer.name, customer.email, id]);
      return customer;
    });
  }

  /**
   * Returns a sales report from the day `from` to the day `to`, with both days. Only the group `cancelled` counts cancelled
   * orders.
   */
  salesReport(from: string, to: string, by: "day" | "status", currency: Order["currency"]): SalesReport {
    const key = by === "day" ? "substr(created_at, 1, 10)" : "status";
    const groups = this.#database.all<SalesReport["groups"][number]>(
      `select ${key} as "key", count(*) as "orders", sum(total_cents) as "totalCents", sum(refunded_cents) as "refundedCents"
       from orders
       where currency = ? and created_at >= ? and created_at < date(?, '+1 day') and (? or status <> 'cancelled')
       group by 1 order by 1`,
      [currency, from, to, by === "status"],
    );
    const counted = groups.filter((group) => group.key !== "cancelled");
    const sum = (name: "orders" | "totalCents" | "refundedCents") => counted.reduce((total, group) => total + group[name], 0);
    return {
      from,
      to,
      currency,
      groups,
      orders: sum("orders"),
      totalCents: sum("totalCents"),
      refundedCents: sum("refundedCents"),
    };
  }

  /** Updates SQLite's statistics about the tables of the shop. SQLite chooses indexes by these statistics. */
  rebuildStatistics(): void {
    this.#database.run("analyze");
  }

  #count(sql: string, binds: readonly (string | number)[]): number {
    return this.#database.all<{ count: number }>(sql, binds)[0]?.count ?? 0;
  }

  #existing(orderId: string): Order {
    return this.order(orderId) ?? notFound("order", orderId);
  }

  #refundable(orderId: string, amountCents: number): Order {
    const order = this.#existing(orderId);
    if (order.status !== "paid") orderNotPaid(`Order ${order.id} is ${order.status}; only a paid order can be refunded`);
    const leftCents = order.totalCents - order.refundedCents;
    if (amountCents > leftCents)
      refundTooLarge(`Order ${order.id} has ${leftCents} cents left to refund, ${amountCents} were asked for`);
    return order;
  }
}

/** The SQL condition for orders that may be purged. The count that approvers see and the deletion use the same SQL condition. */
const purgeable = "status = 'cancelled' and created_at < ?";

const conditionsOf = ({ status, customerId, createdAfter }: OrderFilter) => {
  const where: string[] = [];
  const binds: (string | number)[] = [];
  const add = (condition: string, value: string | undefined) => {
    if (value === undefined) return;
    where.push(condition);
    binds.push(value);
  };
  add("status = ?", status);
  add("customer_id = ?", customerId);
  add("created_at >= ?", createdAfter);
  return { where, binds };
};

const whereText = (conditions: readonly string[]): string => (conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`);

/** The resource through which handlers use the shop. */
export const shop = resource({
  name: "shop",
  scope: "app",
  use: { database },
  open: (opened) => new Shop(opened.database),
});
