// The way to a remote: a proxy, a private certificate authority, and Ctrl-C.

import { writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { join } from "node:path";
import { anyone, handler, Type } from "quater";
import { httpRef } from "quater/http";
import { cli, http } from "quater/plugins";
import { bootTest } from "quater/testing";
import { expect, test } from "vitest";
import { change } from "../../../../plugins/cli/remote/known.ts";
import { quater, type Typed } from "../kit.ts";
import { action, json, listing, listOf, protocol, token } from "./hostile-kit.ts";
import { callers, userHome } from "./kit.ts";
import { authority, certificate, key } from "./tls.ts";

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

/** shop.test over https, and a proxy that knows where shop.test is. */
const network = async () => {
  const asked: (string | undefined)[] = [];
  const shop = createHttps({ key, cert: certificate }, (req, res) => {
    asked.push(req.headers.authorization);
    req.resume().on("end", () => listing(json({ protocol, ok: true, callId: "1", value: "paid" }), action())(req, res));
  });
  const shopPort = await listening(shop);
  const connected: string[] = [];
  const proxy = createHttp((_, res) => void res.writeHead(400).end());
  proxy.on("connect", (req, socket) => {
    connected.push(req.url ?? "");
    if (req.url !== "shop.test:443") return void socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const there = connect(shopPort, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      there.pipe(socket).pipe(there);
    });
    const end = () => void [there, socket].map((each) => each.destroy());
    there.on("error", end);
    socket.on("error", end);
  });
  const proxyPort = await listening(proxy);
  const home = userHome();
  change(home.env, "known", { name: "known", url: "https://shop.test", token });
  const ca = join(home.env.QUATER_HOME, "ca.pem");
  writeFileSync(ca, authority);
  const env = { ...home.env, HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` };
  const type = (line: string, typed: Typed = {}) =>
    quater(line.split(" "), { cwd: home.env.QUATER_HOME, ...typed, env: { ...env, ...typed.env } });
  return {
    asked,
    connected,
    ca,
    type,
    [Symbol.asyncDispose]: async () => {
      home[Symbol.dispose]();
      shop.closeAllConnections();
      proxy.closeAllConnections();
      await Promise.all([shop, proxy].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
};

test("quater reaches a remote through HTTPS_PROXY with a private CA, and the proxy does not see the token", async () => {
  await using net = await network();
  const { ca, type, connected, asked } = net;
  expect(await type(`remote add prod https://shop.test --ca ${ca} --token-env T`, { env: { T: token } })).toMatchObject({
    code: 0,
  });
  expect(await type("--remote prod run pay --to bo")).toEqual({ code: 0, out: '"paid"\n', err: "" });
  expect(new Set(connected)).toEqual(new Set(["shop.test:443"]));
  expect(new Set(asked)).toEqual(new Set([`Bearer ${token}`]));
});

test("T27: quater refuses a certificate of an unknown CA with 78, and sends no token to the remote", async () => {
  await using net = await network();
  const { type, asked } = net;
  for (const line of ["--remote known run pay --to bo", "remote add prod https://shop.test"])
    expect(await type(line)).toMatchObject({ code: 78, err: expect.stringContaining("add the remote again with --ca FILE") });
  expect(asked).toEqual([]);
});

test("quater exits with 69 if NO_PROXY lists an unknown remote, or the proxy refuses the connection", async () => {
  await using net = await network();
  const { type, connected } = net;
  const direct = await type("--remote known run pay --to bo", { env: { NO_PROXY: "shop.test" } });
  expect(direct).toMatchObject({ code: 69, err: expect.stringContaining("host name") });
  expect(connected).toEqual([]);
  const refused = await type("remote add other https://other.test");
  expect(refused).toMatchObject({ code: 69, err: expect.stringContaining("remote_unreachable") });
});

test.each([
  ["does not exist", "nothing.pem", undefined],
  ["has no certificate in PEM format", "text.pem", "hello"],
])("quater remote add refuses a file of certificates that %s", async (told, name, content) => {
  using home = userHome();
  if (content !== undefined) {
    change(home.env, "x", { name: "x", url: "https://x.example" });
    writeFileSync(join(home.env.QUATER_HOME, name), content);
  }
  const file = join(home.env.QUATER_HOME, name);
  expect(await quater(["remote", "add", "prod", "https://shop.test", "--ca", file], { env: home.env })).toMatchObject({
    code: 64,
    err: expect.stringContaining(told),
  });
});

test("quater never uses a proxy for a remote on the same computer", async () => {
  await using net = await network();
  const server = createHttp((req, res) => json(listOf())(req, res));
  const port = await listening(server);
  expect(await net.type(`remote add here http://127.0.0.1:${port}`, { env: { HTTP_PROXY: "http://127.0.0.1:1" } })).toMatchObject(
    { code: 0 },
  );
  expect(net.connected).toEqual([]);
  server.closeAllConnections();
  server.close();
});

test.each(["read", "write"] as const)(
  "Ctrl-C aborts the AbortSignal of a %s handler on the remote, and quater exits with 130",
  async (effect) => {
    let aborted: () => void = () => {};
    const isAborted = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const wait = handler({
      description: "Waits.",
      effect,
      input: Type.Object({}),
      auth: anyone,
      handle: async (_, { signal, progress }) => {
        progress(0.5, "half");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        aborted();
        return "never";
      },
    });
    await using app = await bootTest({
      handlers: { wait },
      expose: { wait: { cli: true } },
      plugins: [http({ port: 0 }), cli({ remote: { authenticate: callers } })],
    });
    using home = userHome();
    change(home.env, "here", { name: "here", url: app.services.find(httpRef)?.baseUrl ?? "", token: "remote" });
    const interrupt = new AbortController();
    const onError = (text: string) => text.includes("50%") && interrupt.abort("SIGINT");
    const { code, err } = await quater(["--remote", "here", "run", "wait"], {
      env: home.env,
      isTerminal: true,
      interrupt: interrupt.signal,
      onError,
    });
    expect(code).toBe(130);
    expect(err).toContain(effect === "read" ? "cancelled: The caller cancelled the call\n" : "wait may have taken effect before");
    await isAborted;
  },
);
