// What remote callers meet: the answers of the protocol quater-actions.v2, and what the program prints and exits with. remote.json
// is the promise to programs that speak the protocol and to scripts that use --remote.

import { httpRef } from "quater/http";
import { approval, audit, cli, http, store } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { change } from "../../plugins/cli/remote/known.ts";
import { tempFolder } from "../plugins/audit/kit.ts";
import { quater } from "../plugins/cli/kit.ts";
import { json, listing, listOf, protocol, scripted } from "../plugins/cli/remote/hostile-kit.ts";
import { userHome } from "../plugins/cli/remote/kit.ts";
import { handlers, people, pinned } from "./wire-kit.ts";

const scopes = ["run", "approvals", "audit"].map((right) => `remote:${right}`);
const authenticate = tokens({
  ana: principal({ ...people.ana, scopes: ["shop", ...scopes] }),
  dan: people.dan,
});

test("a server still gives the answers in test/wire/remote.json to the requests of a remote", async () => {
  using folder = tempFolder();
  using home = userHome();
  await using app = await bootTest({
    root: folder.root,
    handlers,
    expose: {
      getOrder: { cli: true },
      pay: { cli: true, approval: "finance" },
      fail: { cli: true },
      count: { cli: true },
      steps: { cli: true },
    },
    plugins: [
      http({ port: 0 }),
      cli({
        remote: { authenticate, login: { issuer: "https://login.example", clientId: "quater-cli", scopes: ["remote:run"] } },
      }),
      store(),
      audit(),
      approval({
        authenticate,
        publicUrl: "https://shop.example",
        policies: { finance: { approvers: [{ role: "finance" }] } },
      }),
    ],
  });
  const url = app.services.get(httpRef).baseUrl ?? "";
  const seen: object[] = [];

  const ask = async (path: string, body?: object, token: string | undefined = "ana") => {
    const answer = await fetch(url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const headers = ["content-type", "www-authenticate", "cache-control", "retry-after"].map((name) => [
      name,
      answer.headers.get(name),
    ]);
    const lines = (await answer.text()).split("\n").filter((line) => line !== "");
    seen.push({
      path,
      body,
      token,
      status: answer.status,
      headers: Object.fromEntries(headers),
      lines: lines.map((line) => JSON.parse(line) as unknown),
    });
  };
  const call = (action: string, values: object, more: object = {}) =>
    ask("/__quater__/actions/call", { protocol, action, parts: [{ from: "input", isText: false, values }], ...more });
  const read = (command: string, input: object) => ask("/__quater__/actions/read", { protocol, command, input, isJson: true });

  await ask("/.well-known/quater-actions.json");
  await ask("/.well-known/quater-actions.json", undefined, "");
  await ask("/.well-known/quater-actions.json", undefined, "wrong");
  await ask("/.well-known/quater-actions.json", undefined, "dan");
  await call("getOrder", { orderId: "o1" });
  await call("getOrder", { orderId: "o1" }, { dryRun: true });
  await call("getOrder", { orderid: "o1" });
  await call("nothing", {});
  await call("fail", { how: "conflict" });
  await call("fail", { how: "busy" });
  await call("fail", { how: "inside" });
  await call("count", { to: 3 });
  await call("count", { to: 2 });
  await call("steps", {});
  await call("pay", { to: "bo", cents: 5 });
  await ask("/__quater__/actions/call", { protocol: "quater-actions.v1", action: "getOrder" });
  await ask("/__quater__/actions/call");
  await read("approvals status", { id: "apr_unknown" });
  await read("keys list", {});

  const type = async (line: string, env: Readonly<Record<string, string>> = {}) => {
    const { code, out, err } = await quater(line.split(" "), { cwd: folder.root, env: { ...home.env, ...env } });
    const plain = (text: string) =>
      text
        .replaceAll(home.env.QUATER_HOME, "<home>")
        .split("\n")
        .map((each) => (/^[{[]/.test(each) ? (JSON.parse(each) as unknown) : each));
    seen.push({ line, code, out: plain(out), err: plain(err) });
  };
  for (const [name, token] of [
    ["shop", "ana"],
    ["dan", "dan"],
    ["out", "wrong"],
  ] as const)
    change(home.env, name, { name, url, token });
  change(home.env, "bare", { name: "bare", url });
  await type("remote list --no-json");
  await type("remote add shop https://shop.example");
  await type("remote add x http://shop.example");
  await type("remote login shop --token abc");
  await type("remote login bare --token-env NOTHING");
  await type("--remote shop actions --no-json");
  await type("--remote shop run getOrder --order-id o1");
  await type("--remote shop run getOrder --order-id o1 --no-json --dry-run");
  await type("--remote shop run nothing");
  await type("--remote shop run fail --how conflict --no-json");
  await type("--remote shop run pay --to bo --cents 5");
  await type("--remote dan run getOrder --order-id o1 --no-json");
  await type("--remote out run getOrder --order-id o1 --no-json");
  await type("--remote bare run getOrder --order-id o1");
  await type("--remote nowhere run getOrder");
  await type("serve --remote shop");
  await type("approvals approve apr_1 --remote shop");
  await type("audit show --remote dan");

  await using hostile = await scripted((_, res) => void res.writeHead(302, { location: "https://evil.example/" }).end());
  change(home.env, "evil", { name: "evil", url: hostile.url, token: "t" });
  await type("--remote evil actions");
  await type("--remote evil actions --json");
  hostile.answer(json({ protocol: "quater-actions.v9" }));
  await type("--remote evil actions");
  hostile.answer(json({ ...listOf(), actions: 5 }));
  await type("--remote evil actions");
  hostile.answer((_, res) => void res.writeHead(404, { "content-type": "text/html" }).end("x"));
  await type("--remote evil actions");
  hostile.answer(listing((_, res) => void res.destroy()));
  await type("--remote evil run pay --to bo");
  await type("--remote evil run pay --to bo --dry-run");

  await expect(pinned(seen)).toMatchFileSnapshot("remote.json");
});
