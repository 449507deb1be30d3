// S12: who waits when somebody guesses codes, and where a session ends.

import { join } from "node:path";
import type { OptionsOf } from "quater/plugin-api";
import { apiKeys, type store } from "quater/plugins";
import { afterAll, describe, expect, test } from "vitest";
import { issueCode } from "../../../plugins/approval/page/codes.ts";
import { Throttle } from "../../../plugins/approval/page/throttle.ts";
import { auditRef } from "../../../plugins/audit/service.ts";
import { createKey, revokeKey } from "../../../plugins/auth/commands.ts";
import { storeRef } from "../../../plugins/store/service.ts";
import { testPostgres } from "../store/postgres.ts";
import { bootShop, codeOn, formIn, people, type Shop, Visitor } from "./page-kit.ts";

const postgres = await testPostgres();
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});
const places: readonly (readonly [string, () => Promise<OptionsOf<typeof store>>])[] = [
  ["SQLite", async () => ({})],
  ...(typeof postgres === "string" ? [] : [["PostgreSQL", async () => ({ url: await postgres.freshUrl() })] as const]),
];

const codes = ["AAAAAAAA", "AAAAAAAC", "AAAAAAAD", "AAAAAAAE", "AAAAAAAF", "AAAAAAAG"];
const wrongCodes = async (
  visitor: Visitor,
  from: Readonly<Record<string, string>>,
  count = 5,
): Promise<(string | undefined)[]> => {
  const form = formIn((await visitor.get("/approvals/sign-in")).body);
  const seen: (string | undefined)[] = [];
  for (const code of codes.slice(0, count)) seen.push(codeOn(await visitor.post("/approvals/sign-in", { ...form, code }, from)));
  return seen;
};

describe("S12: attempts to sign in with a code", () => {
  test("S12: after five wrong sign-in codes from one address, a right key still signs in, and a right code must wait", async () => {
    await using shop = await bootShop();
    const visitor = new Visitor(shop.baseUrl);
    expect(await wrongCodes(visitor, {}, 6)).toEqual([
      ...Array.from({ length: 5 }, () => "sign_in_code_wrong"),
      "sign_in_throttled",
    ]);
    const { services } = shop.app;
    const { code } = await issueCode({ store: services.get(storeRef), audit: services.get(auditRef) }, "bea");
    expect(codeOn(await visitor.signIn({ code }))).toBe("sign_in_throttled");
    expect((await visitor.signIn({ key: "bea" })).status).toBe(303);
  });

  test("S12: behind a trusted proxy, only visitors from the network that sent wrong sign-in codes must wait", async () => {
    await using shop = await bootShop({ http: { trustedProxies: ["127.0.0.1"] } });
    const visitor = new Visitor(shop.baseUrl);
    const from = (address: string) => ({ "x-forwarded-for": address });
    // One caller has a whole /64 network of IPv6.
    for (const [index, count] of [3, 2].entries()) await wrongCodes(visitor, from(`2001:db8:1:2::${index + 1}`), count);
    expect(await wrongCodes(visitor, from("2001:db8:1:2:ffff::9"), 1)).toEqual(["sign_in_throttled"]);
    expect(await wrongCodes(visitor, from("2001:db8:1:3::1"), 1)).toEqual(["sign_in_code_wrong"]);
    expect(await wrongCodes(visitor, from("203.0.113.7"), 1)).toEqual(["sign_in_code_wrong"]);
    // What a caller writes into the header is not believed: the right-most hop is.
    expect(await wrongCodes(visitor, from("198.51.100.1, 2001:db8:1:2::1"), 1)).toEqual(["sign_in_throttled"]);
  });

  test("S12: the number of client addresses that the sign-in page of approvals stores in memory is limited", () => {
    const throttle = new Throttle({ perPeer: 5, altogether: 1_000_000, windowMs: 60_000, now: () => 0 });
    for (let index = 0; index < 20_000; index++) throttle.attempt(`2001:db8:0:${index.toString(16)}::/64`);
    expect(throttle.size).toBe(10_000);
  });
});

const cookieOf = ({ cookies }: Visitor): string => [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
/** A visitor with a copy of somebody's cookie. */
const copyOf = (of: Visitor, at = of.baseUrl): Visitor => {
  const copy = new Visitor(at);
  for (const [name, value] of of.cookies) copy.cookies.set(name, value);
  return copy;
};
const isIn = async (visitor: Visitor): Promise<boolean> => (await visitor.get("/approvals")).body.includes("Signed in as");
const signOut = async (visitor: Visitor) => {
  const { form = "" } = formIn((await visitor.get("/approvals")).body);
  return visitor.post("/approvals/sign-out", { form });
};

describe("S12: sessions of the approvals page end on the server", () => {
  test.each(places)(
    "S12: on %s, a copied session cookie is refused after signing out, also in another process",
    async (_, placeOf) => {
      const place = await placeOf();
      await using shop = await bootShop({ store: place });
      const bea = new Visitor(shop.baseUrl);
      await bea.signIn({ key: "bea" });
      const copy = copyOf(bea);
      expect(await isIn(copy)).toBe(true);
      expect((await signOut(bea)).status).toBe(303);
      expect(await isIn(copyOf(copy))).toBe(false);
      // A form that the session was shown before votes no more.
      const id = await shop.file(people.ana);
      const cleo = new Visitor(shop.baseUrl);
      await cleo.signIn({ key: "cleo" });
      const form = formIn((await cleo.get(`/approvals/${id}`)).body);
      const copyOfCleo = copyOf(cleo);
      await signOut(cleo);
      const voted = await copyOfCleo.post(`/approvals/${id}/vote`, { ...form, verdict: "approve" });
      expect([voted.status, (await shop.approvals.show(people.cleo, id)).votes]).toEqual([401, []]);
      await using restarted = await again(shop, place);
      expect(await isIn(copyOf(copy, restarted.baseUrl))).toBe(false);
    },
  );

  test("S12: a session of the approvals page stays valid after a restart", async () => {
    await using shop = await bootShop();
    const bea = new Visitor(shop.baseUrl);
    await bea.signIn({ key: "bea" });
    await using restarted = await again(shop, {});
    expect(await isIn(copyOf(bea, restarted.baseUrl))).toBe(true);
  });

  test("S12: a second sign-in to the approvals page ends the earlier session of the visitor", async () => {
    await using shop = await bootShop();
    const visitor = new Visitor(shop.baseUrl);
    await visitor.signIn({ key: "bea" });
    const copy = copyOf(visitor);
    const before = cookieOf(visitor);
    expect((await visitor.signIn({ key: "cleo" })).status).toBe(303);
    expect(cookieOf(visitor)).not.toBe(before);
    expect([await isIn(copy), await isIn(visitor)]).toEqual([false, true]);
  });

  test("S12: revoking a key ends the sessions of the approvals page that were opened with this key", async () => {
    await using shop = await bootShop({ approval: { authenticate: apiKeys() } });
    const file = join(shop.root, ".quater/keys.json");
    const { key } = createKey(file, { name: "bea", kind: "user", person: "bea", scopes: [], roles: ["finance"] });
    const bea = new Visitor(shop.baseUrl);
    await expect.poll(async () => (await bea.signIn({ key })).status).toBe(303);
    const copy = copyOf(bea);
    expect(await isIn(copy)).toBe(true);
    revokeKey(file, "bea");
    await expect.poll(() => isIn(copy), { timeout: 5_000 }).toBe(false);
  });
});

/** Another process with the same folder and store. */
const again = (shop: Shop, place: OptionsOf<typeof store>): Promise<Shop> => bootShop({ root: shop.root, store: place });
