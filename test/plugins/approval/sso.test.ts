// People whom a proxy signed in, and listeners of the page's own.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { httpRef } from "quater/http";
import { isBootError, type OptionsOf } from "quater/plugin-api";
import type { approval } from "quater/plugins";
import { expect, test } from "vitest";
import { personBehind } from "../../../plugins/approval/sso.ts";
import { freePort } from "../../packaging/kit.ts";
import { bootShop, codeOn, formIn, people, type Sent, send, Visitor } from "./page-kit.ts";

const secret = "s3cret-of-the-proxy-and-nobody-else";
const sso = {
  personHeader: "X-Forwarded-User",
  rolesHeader: "X-Forwarded-Roles",
  secretHeader: "X-Proxy-Secret",
  secret,
} as const;
const asBea = { "x-forwarded-user": "bea", "x-forwarded-roles": "support, finance" } as const;
const proven = { ...asBea, "x-proxy-secret": secret } as const;

test("a request with the secret of the single sign-on proxy signs in the approver whom its headers name", async () => {
  await using shop = await bootShop({ approval: { sso } });
  const id = await shop.file(people.ana);
  const bea = new Visitor(shop.baseUrl);
  const { body } = await bea.get(`/approvals/${id}`, proven);
  expect(body).toContain(">bea</bdi>");
  expect(body).not.toContain("Sign out");
  const fields = { ...formIn(body), verdict: "approve" };
  // A form made for one person is no form of the next one's, though the browser is the same.
  const other = await bea.post(`/approvals/${id}/vote`, fields, { ...proven, "x-forwarded-user": "cleo" });
  expect([other.status, codeOn(other)]).toEqual([403, "form_not_yours"]);
  expect(await bea.post(`/approvals/${id}/vote`, fields, proven)).toMatchObject({ status: 303 });
  const { state, votes } = await shop.approvals.show(people.bea, id);
  expect([state, votes]).toMatchObject([
    "approved",
    [{ person: "bea", issuer: "sso", roles: ["support", "finance"], via: "page" }],
  ]);
});

test("the approvals page refuses forged single sign-on headers from loopback, with a wrong secret or sent twice", async () => {
  await using shop = await bootShop({ approval: { sso } });
  const id = await shop.file(people.ana);
  const forged: readonly Sent["headers"][] = [
    asBea,
    { ...asBea, "x-proxy-secret": "" },
    { ...asBea, "x-proxy-secret": `${secret}x` },
    { ...asBea, "x-proxy-secret": secret.slice(0, -1) },
    { ...asBea, "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1" },
    { ...proven, "x-forwarded-user": ["mallory", "bea"] },
    { ...proven, "x-forwarded-user": "mallory, bea" },
    { ...proven, "x-forwarded-roles": ["finance", "support"] },
    { ...proven, "x-proxy-secret": [secret, secret] },
  ];
  for (const headers of forged) {
    const answer = await new Visitor(shop.baseUrl).get(`/approvals/${id}`, headers);
    expect([answer.status, codeOn(answer)], JSON.stringify(headers)).toEqual([403, "sso_not_trusted"]);
    const vote = await new Visitor(shop.baseUrl).post(`/approvals/${id}/vote`, { verdict: "approve" }, headers);
    expect([vote.status, codeOn(vote)], JSON.stringify(headers)).toEqual([403, "sso_not_trusted"]);
  }
});

test("without the option sso, the approvals page ignores the single sign-on headers of a proxy", async () => {
  await using plain = await bootShop();
  expect(await new Visitor(plain.baseUrl).get("/approvals", proven)).toMatchObject({ status: 303 });
  await using shop = await bootShop({ approval: { sso } });
  const bea = new Visitor(shop.baseUrl);
  expect(await bea.get("/approvals", { "x-proxy-secret": secret })).toMatchObject({ status: 303 });
  expect(await bea.signIn({ key: "bea" })).toMatchObject({ status: 303 });
  expect(await bea.get("/approvals", { "x-proxy-secret": secret })).toMatchObject({ status: 200 });
});

test("the approvals API ignores the headers of a single sign-on proxy", async () => {
  await using shop = await bootShop({ approval: { sso } });
  const answer = await send(`${shop.baseUrl}/approvals/api/requests`, { headers: proven });
  expect([answer.status, codeOn(answer)]).toEqual([401, "unauthenticated"]);
});

test("the port of http() does not serve an approvals page with the option listen", async () => {
  const port = await freePort();
  await using shop = await bootShop({ approval: { listen: { port } } });
  const id = await shop.file(people.ana);
  const baseUrl = `http://127.0.0.1:${port}`;
  expect(shop.approvals.urlOf(id)).toBe(`${baseUrl}/approvals/${id}`);
  expect((await send(`${shop.baseUrl}/approvals`)).status).toBe(404);
  expect(shop.app.services.get(httpRef).mounted).toContain(`/approvals on 127.0.0.1:${port}`);
  expect((await send(`${baseUrl}/orders/1/refunds`, { method: "POST" })).status).toBe(404);
  const bea = new Visitor(baseUrl);
  await bea.signIn({ key: "bea" });
  const { body } = await bea.get(`/approvals/${id}`);
  expect(await bea.post(`/approvals/${id}/vote`, { ...formIn(body), verdict: "approve" })).toMatchObject({ status: 303 });
  // The same checks stand before it.
  const foreign = await send(`${baseUrl}/approvals`, { headers: { host: "evil.example" } });
  expect([foreign.status, codeOn(foreign)]).toEqual([421, "host_not_allowed"]);
  const crossing = await bea.post("/approvals/sign-out", {}, { origin: shop.baseUrl });
  expect([crossing.status, codeOn(crossing)]).toEqual([403, "origin_not_allowed"]);
  await shop.app.stop();
  await expect(send(`${baseUrl}/approvals`)).rejects.toThrow("ECONNREFUSED");
});

test("with publicUrl, the approvals page refuses forms from other origins and requests with other Host headers", async () => {
  const allowedHosts = ["approvals.example", "shop.example"];
  await using shop = await bootShop({ approval: { publicUrl: "https://approvals.example" }, http: { allowedHosts } });
  const id = await shop.file(people.ana);
  expect(shop.approvals.urlOf(id)).toBe(`https://approvals.example/approvals/${id}`);
  const signIn = async (host: string): Promise<readonly unknown[]> => {
    const visitor = new Visitor(shop.baseUrl);
    const form = formIn((await visitor.get("/approvals/sign-in", { host })).body);
    const answer = await visitor.post("/approvals/sign-in", { ...form, key: "bea" }, { host, origin: `https://${host}` });
    return [answer.status, codeOn(answer)];
  };
  expect(await signIn("approvals.example")).toEqual([303, undefined]);
  expect(await signIn("shop.example")).toEqual([403, "origin_not_allowed"]);
});

const socketFolder = (): { readonly path: string; [Symbol.dispose](): void } => {
  const folder = mkdtempSync(join(tmpdir(), "quater-socket-"));
  return { path: join(folder, "a.sock"), [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
};

test("a single sign-on proxy on a Unix socket needs no secret, and Quater refuses sign-in headers that arrive over TCP", async () => {
  using socket = socketFolder();
  const { path } = socket;
  const overSocket = { personHeader: "x-forwarded-user", rolesHeader: "x-forwarded-roles", unixSocket: true } as const;
  const options: Partial<OptionsOf<typeof approval>> = {
    sso: overSocket,
    listen: { path },
    publicUrl: "https://approvals.example",
  };
  await using shop = await bootShop({ approval: options });
  expect(statSync(path).mode & 0o007).toBe(0);
  const ask = (headers: Sent["headers"]) =>
    send("http://approvals.example/approvals", { socketPath: path, headers: { "sec-fetch-site": "same-origin", ...headers } });
  const seen = await ask(asBea);
  expect(seen.status).toBe(200);
  expect(seen.body).toContain(">bea</bdi>");
  expect(await ask({})).toMatchObject({ status: 303 });
  expect((await send(`${shop.baseUrl}/approvals`, { headers: asBea })).status).toBe(404);
});

test("the approvals page refuses a request with single sign-on headers that does not come over the Unix socket", () => {
  const trusting = { personHeader: "x-forwarded-user", unixSocket: true } as const;
  const credentials = { surface: "approvals", isLocal: false, header: () => "bea", cookie: () => undefined };
  expect(() => personBehind(trusting, credentials)).toThrow("did not come from the trusted proxy");
  expect(personBehind(trusting, { ...credentials, isOverUnixSocket: true })).toMatchObject({ person: "bea", issuer: "sso" });
});

test("the approvals page replaces the Unix socket of a killed process, but not a socket in use or a regular file", async () => {
  using socket = socketFolder();
  const { path } = socket;
  const options: Partial<OptionsOf<typeof approval>> = { listen: { path }, publicUrl: "https://approvals.example" };
  const boot = () => bootShop({ approval: options });
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  await expect(boot()).rejects.toSatisfy(
    (error) => isBootError(error) && /another process already listens on this path/.test(error.problems[0]?.cause ?? ""),
  );
  await new Promise((resolve) => server.close(resolve));
  const killed = `require("node:http").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", killed]);
  expect(statSync(path).isSocket()).toBe(true);
  {
    await using shop = await boot();
    const answer = await send("http://approvals.example/approvals", { socketPath: path, headers: { "sec-fetch-site": "none" } });
    expect([answer.status, shop.baseUrl !== ""]).toEqual([303, true]);
  }
  writeFileSync(path, "somebody's text");
  await expect(boot()).rejects.toSatisfy(
    (error) => isBootError(error) && /a file with this path exists/.test(error.problems[0]?.cause ?? ""),
  );
  expect(readFileSync(path, "utf8")).toBe("somebody's text");
});

test("boot refuses approval() sso options that do not prove the proxy, and reports all problems at once", async () => {
  const causes = async (options: object): Promise<readonly string[]> => {
    try {
      await using _shop = await bootShop({ approval: options as Partial<OptionsOf<typeof approval>> });
      return [];
    } catch (error) {
      if (!isBootError(error)) throw error;
      return error.problems.map(({ cause }) => cause);
    }
  };
  expect(await causes({ sso: { personHeader: "x-user" } })).toEqual([
    "The approval() option sso has no secret of at least 32 characters, so anybody could send the header with the name of a person",
  ]);
  expect(await causes({ sso: { personHeader: "x user", secretHeader: "x-s", secret: "short" } })).toEqual([
    'The approval() option sso has an invalid header name: "x user"',
    "The approval() option sso has no secret of at least 32 characters, so anybody could send the header with the name of a person",
  ]);
  expect(await causes({ sso: { personHeader: "x-user", unixSocket: true } })).toEqual([
    "The approval() option sso has unixSocket: true, but the approvals page does not listen on a Unix socket",
  ]);
  expect(await causes({ listen: { path: "a.sock" } })).toEqual(["approval() listens on a Unix socket, but publicUrl is missing"]);
  expect(await causes({ publicUrl: "https://shop.example/ops" })).toEqual([
    'The approval() option publicUrl is "https://shop.example/ops", but it must be only an origin',
  ]);
});
