// Lists of very many requests: pages, filters and first arguments, at a cost that does not depend on the number of requests.

import { storeRef } from "quater/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listed, type RowsGiven } from "../../../plugins/approval/requests/listing.ts";
import type { OpenStore, Statement } from "../../../plugins/store/service.ts";
import { quater } from "../cli/kit.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { bootShop, people, type Shop, send, Visitor } from "./page-kit.ts";
import { till } from "./till-kit.ts";

const many = 20_000;
const perStatement = 500;

/** An id of the right form for a number. */
const idOf = (number: number): string =>
  `apr_${String(number)
    .padStart(20, "0")
    .replaceAll(/\d/g, (digit) => "abcdefghij"[Number(digit)] ?? "")}`;

/** Copies the request `id` so often, each copy a millisecond older and with other arguments. */
const copies = async (open: OpenStore, id: string, count: number): Promise<void> => {
  const names = (await open.read<object>({ sql: "select * from approval_request limit 1", parameters: [] })).flatMap(Object.keys);
  const changed: Readonly<Record<string, string>> = {
    id: "made.column1",
    call_key: "made.column1",
    filed_at: "one.filed_at - made.column2",
    args: "made.column3",
  };
  const number = open.dialect === "sqlite" ? "?" : "cast(? as bigint)";
  const columns = names.map((name) => changed[name] ?? `one.${name}`).join(", ");
  for (let from = 0; from < count; from += perStatement) {
    const numbers = Array.from({ length: Math.min(perStatement, count - from) }, (_, at) => from + at + 1);
    const values = numbers.map(() => `(?, ${number}, ?)`).join(", ");
    const sql = `insert into approval_request (${names.join(", ")}) select ${columns} from (values ${values}) as made, approval_request one where one.id = `;
    const parameters = numbers.flatMap((n) => [idOf(n), n, JSON.stringify({ amountCents: n, orderId: `ord_${n}` })]);
    let n = 0;
    const numbered = `${sql}?`.replaceAll("?", () => (open.dialect === "sqlite" ? "?" : `$${++n}`));
    await open.apply([{ sql: numbered, parameters: [...parameters, id] }]);
  }
};

let postgres: TestPostgres | string = "not started";
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});

describe.each(["sqlite", "postgres"] as const)("approval() works with a store on %s", (dialect) => {
  let shop: Shop;
  let open: OpenStore;
  let newest = "";
  beforeAll(async () => {
    if (dialect === "postgres" && typeof postgres === "string") return;
    const url = dialect === "postgres" ? { url: await (postgres as TestPostgres).freshUrl() } : {};
    const policies = { finance: { approvers: [{ role: "finance" }] }, legal: { approvers: [{ person: "dan" }] } };
    const approval = { policies, maxPending: 10_000, maxFiledPerHour: 100_000 };
    shop = await bootShop({ store: { mayLoseCommits: true, ...url }, approval });
    open = await shop.app.services.get(storeRef).open();
    newest = await shop.file(people.ana, { orderId: "ord_1001", amountCents: 4_200, pin: "1234567", reason: "a".repeat(90) });
    await copies(open, newest, many - 1);
    await open.apply([{ sql: "analyze", parameters: [] }]);
  }, 120_000);
  afterAll(async () => {
    await shop?.[Symbol.asyncDispose]();
  });
  const claim = (title: string, prove: () => Promise<void>) =>
    test(title, { timeout: 120_000 }, async (context) => {
      if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
      await prove();
    });
  const ask = async (query: string) => {
    const { status, body } = await send(`${shop.baseUrl}/approvals/api/requests?${query}`, {
      headers: { authorization: "Bearer bea" },
    });
    // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, compared by expectations
    return { status, json: JSON.parse(body) as any };
  };

  claim("O9: the approvals API lists 20,000 pending requests in pages, each request once with its first arguments", async () => {
    const seen = new Set<string>();
    let pages = 0;
    for (let before = ""; ; pages++) {
      const { status, json } = await ask(`state=pending&limit=200${before === "" ? "" : `&before=${before}`}`);
      expect(status).toBe(200);
      for (const { id, firstArguments } of json.requests) {
        seen.add(id);
        expect(firstArguments.rows.length).toBeGreaterThan(1);
      }
      before = json.next;
      if (before === undefined) break;
    }
    expect([seen.size, pages]).toEqual([many, many / 200 - 1]);
    const { json } = await ask("limit=2");
    const shown = json.requests.map(({ firstArguments: { rows } }: { firstArguments: { rows: readonly object[] } }) =>
      rows.map((row) => {
        const { path, type, value } = row as Record<string, { text: string }>;
        return [path?.text, type, value?.text];
      }),
    );
    expect(shown).toEqual([
      [
        ["/amountCents", "number", "4200"],
        ["/orderId", "string", "ord_1001"],
        ["/pin", "secret", expect.stringMatching(/^7 characters, hmac:[\w-]+:\w+$/)],
        ["/reason", "string", `${"a".repeat(32)}\\…${"a".repeat(12)}`],
      ],
      [
        ["/amountCents", "number", "1"],
        ["/orderId", "string", "ord_1"],
      ],
    ]);
    expect(JSON.stringify(json)).not.toContain("1234567");
  });

  claim(
    "O9: lists of approval requests filter by handler, requester, state and time, and each filter accepts a cursor",
    async () => {
      const own = await shop.file(people.cleo, { orderId: "ord_77", amountCents: 7 });
      const forAna = await shop.file(people.robot, { orderId: "ord_78", amountCents: 7 });
      const ids = async (query: string) => (await ask(query)).json.requests.map(({ id }: { readonly id: string }) => id);
      expect(await ids("requester=cleo")).toEqual([own]);
      expect(await ids("requester=CLEO&state=pending&handler=refundOrder")).toEqual([own]);
      expect(await ids("requester=cleo&state=denied")).toEqual([]);
      expect(await ids("requester=nobody")).toEqual([]);
      expect(await ids("requester=ana&limit=2")).toEqual([forAna, newest]);
      expect(await ids(`requester=ana&limit=2&before=${newest}`)).toEqual([idOf(1), idOf(2)]);
      expect(await ids("handler=refundOrder&limit=1")).toEqual([forAna]);
      expect(await ids("handler=other")).toEqual([]);
      expect(await ids("state=denied&state=approved&state=expired")).toEqual([]);
      const [{ filed_at: at }] = (await open.read<{ filed_at: number }>({
        sql: `select filed_at from approval_request where id = '${idOf(3)}'`,
        parameters: [],
      })) as [{ filed_at: number }];
      const since = encodeURIComponent(new Date(at).toISOString());
      expect(await ids(`since=${since}`)).toEqual([forAna, own, newest, idOf(1), idOf(2), idOf(3)]);
      expect(await ids(`since=${since}&state=pending&handler=refundOrder&before=${idOf(1)}`)).toEqual([idOf(2), idOf(3)]);
      expect((await ask("since=soon")).status).toBe(422);
      const page = { states: ["pending"], requester: "cleo" } as const;
      expect((await shop.approvals.page(people.bea, page)).requests.map(({ id }) => id)).toEqual([own]);
      // Dan may see none of these requests, so a page ends after a bounded number of requests.
      expect(await shop.approvals.page({ ...people.dan, person: "dan" })).toEqual({ requests: [], next: idOf(848) });
      for (const [who, id] of [
        [people.cleo, own],
        [people.robot, forAna],
      ] as const)
        await shop.approvals.cancel(who, "direct", id);
    },
  );

  claim("O9: each page of a list of approval requests reads rows of an index, and sorts no more than one page", async () => {
    const limit = 50;
    const filters: readonly Omit<RowsGiven, "limit">[] = [
      {},
      { states: ["pending"] },
      { states: ["pending", "approved", "expired", "denied"] },
      { handler: "refundOrder" },
      { handler: "refundOrder", states: ["pending"] },
      { handler: "nobody" },
      { handler: "nobody", states: ["denied"] },
      { personKeys: ["nobody"], handler: "refundOrder", states: ["pending"] },
      { since: 0, states: ["pending"] },
    ];
    const lists = filters.flatMap((given) => [
      { ...given, limit },
      { ...given, limit, before: idOf(10_000) },
    ]);
    for (const given of lists) {
      const { sql, parameters } = (listed(open, given) as { compile(): Statement }).compile();
      if (open.dialect === "sqlite") {
        const plan = await open.read<{ detail: string }>({ sql: `explain query plan ${sql}`, parameters });
        const tables = plan.map(({ detail }) => detail).filter((detail) => / approval_request\b/.test(detail));
        for (const detail of tables)
          expect(detail, JSON.stringify(given)).toMatch(/^(?:SEARCH|SCAN) approval_request USING INDEX /);
        const whole = tables.filter((detail) => detail.startsWith("SCAN"));
        expect(whole.every((detail) => detail.endsWith("approval_request_filed"))).toBe(true);
      } else {
        const [row] = await open.read<Record<string, unknown>>({ sql: `explain (analyze, format json) ${sql}`, parameters });
        const text = JSON.stringify(row?.["QUERY PLAN"]);
        const counts = [...text.matchAll(/"(?:Actual Rows|Rows Removed by Filter)": ?(\d+)/g)].map(([, count]) => Number(count));
        expect(Math.max(...counts), `${JSON.stringify(given)} ${text}`).toBeLessThanOrEqual(limit);
      }
    }
  });

  claim("O9: the list on the approvals page shows first arguments, filters, and links to the next page", async () => {
    const bea = new Visitor(shop.baseUrl);
    await bea.signIn({ key: "bea" });
    const linksIn = (text: string) => [...text.matchAll(/<a href="\/approvals\/(apr_[a-z2-7]{20})"/g)].map(([, id]) => id);
    const first = (await bea.get("/approvals")).body;
    expect(linksIn(first).slice(0, 20)).toEqual([newest, ...Array.from({ length: 19 }, (_, at) => idOf(at + 1))]);
    expect(first).toContain('<bdi class="soft">/orderId</bdi> <bdi class="value inline">ord_19</bdi>');
    expect(first).toMatch(/<bdi class="soft">\/pin<\/bdi> <bdi class="value inline">7 characters, hmac:/);
    expect(first).not.toContain("1234567");
    const filtered = (await bea.get("/approvals?state=pending&requester=ana&handler=refundOrder&since=1d")).body;
    expect(filtered).not.toContain("Decided or ended requests");
    expect(filtered).toContain('<option value="pending" selected>');
    expect(filtered).toContain('name="requester" value="ana"');
    const [, next = ""] = /<a href="([^"]+)">Older pending requests/.exec(filtered) ?? [];
    const second = (await bea.get(next.replaceAll("&amp;", "&"))).body;
    expect(linksIn(second)).toEqual(Array.from({ length: 20 }, (_, at) => idOf(at + 20)));
    expect(linksIn((await bea.get("/approvals?requester=nobody")).body)).toEqual([]);
    // Values of the query are shown as text.
    const hostile = (await bea.get("/approvals?requester=%22%3E%3Cscript%3E&state=x&since=__proto__&before=%22%3E")).body;
    expect(hostile).toContain('value="&quot;&gt;&lt;script&gt;"');
  });
});

test("O9: quater approvals list shows the first arguments of approval requests, and a cursor for the next page", async () => {
  using project = till();
  const run = (words: string, isTerminal = false) => quater(words.split(" "), { cwd: project.folder, isTerminal });
  for (const cents of [1, 2, 3]) expect((await run(`run pay --to ${"b".repeat(cents)}o --cents ${cents}`)).code).toBe(75);
  const list = (words: string, isTerminal = false) =>
    run(`approvals list --key-file ${project.keys.bea} ${words}`.trim(), isTerminal);
  const seen = JSON.parse((await list("")).out) as readonly { readonly id: string; readonly arguments: string }[];
  expect(seen.map(({ arguments: shown }) => shown)).toEqual(["/cents 3, /to bbbo", "/cents 2, /to bbo", "/cents 1, /to bo"]);
  const first = await list("--limit 2");
  expect(first.err).toBe(`The list continues with older requests. Add --before ${seen[1]?.id}\n`);
  const second = await list(`--limit 2 --before ${seen[1]?.id}`);
  expect([JSON.parse(second.out), second.err]).toMatchObject([[{ id: seen[2]?.id }], ""]);
  expect(JSON.parse((await list("--requester ana --since 1h --handler pay --state pending")).out)).toHaveLength(3);
  expect(JSON.parse((await list("--requester bea")).out)).toEqual([]);
  expect((await list("--since soon")).code).toBe(65);
  const text = (await list("--limit 1", true)).out;
  expect(text).toMatch(
    new RegExp(
      `^${seen[0]?.id}  pending, expires in \\d+ (?:minutes|hours|days?)\n  pay  /cents 3, /to bbbo\n  by ana over cli, policy finance, filed [^\n]+\n$`,
    ),
  );
  expect((await list("--state denied", true)).out).toBe("none\n");
});
