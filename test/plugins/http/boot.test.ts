// What boot refuses of routes, with what to do about it.

import { anyone, authenticated, handler, secret, stream, Type } from "quater";
import { http } from "quater/http";
import { isBootError } from "quater/plugin-api";
import { bootTest, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";

const make = (effect: "read" | "write", auth = authenticated) =>
  handler({ description: "Something.", effect, input: Type.Object({ id: Type.String() }), auth, handle: () => null });

const problemsOf = async (expose: Record<string, unknown>, options = {}, handlers = {}): Promise<string[]> => {
  try {
    const all = { get: make("read"), put: make("write"), open: make("read", anyone), ...handlers };
    const exposures = expose as Record<string, Record<string, unknown>>;
    await using app = await bootTest({
      handlers: all,
      expose: exposures,
      plugins: [http({ port: 0, ...options })],
      start: false,
    });
    return app.log.map(({ message }) => message);
  } catch (error) {
    if (isBootError(error)) return error.problems.map(({ cause, remedy }) => `${cause}. ${remedy}`);
    throw error;
  }
};
const door = { authenticate: tokens({}) };

test("boot refuses routes that need a credential when http() has no authenticate option, and names the option", async () => {
  expect(await problemsOf({ get: { http: "GET /a/:id" } })).toEqual([
    "HTTP routes are exposed, but the plugin http() has no authenticate option. Add the option to the plugin, for example http({ authenticate: apiKeys() })",
  ]);
  expect(await problemsOf({ open: { http: "GET /a/:id", public: true } })).toEqual([]);
});

test("boot refuses a public route without public: true in the exposure and auth: anyone in the handler", async () => {
  expect(await problemsOf({ get: { http: "GET /a/:id", public: true } }, door)).toEqual([
    expect.stringContaining("get is exposed with public: true, but its policy is authenticated"),
  ]);
});

test("boot refuses malformed and out-of-range numbers and names the option of http()", async () => {
  const options = { port: Number.NaN, maxBodyBytes: 0, headersTimeoutMs: "10", requestTimeoutMs: 1.5, stallTimeoutMs: -1 };
  expect(await problemsOf({}, options)).toEqual([
    "http has an invalid value for port: NaN. Write a whole number from 0 to 65,535, or remove this option",
    "http has an invalid value for maxBodyBytes: 0. Write a whole number from 1 to 1,073,741,824, or remove this option",
    'http has an invalid value for headersTimeoutMs: "10". Write a whole number from 1 to 2,147,483,647, or remove this option',
    "http has an invalid value for requestTimeoutMs: 1.5. Write a whole number from 1 to 2,147,483,647, or remove this option",
    "http has an invalid value for stallTimeoutMs: -1. Write a whole number from 1 to 2,147,483,647, or remove this option",
  ]);
  expect(await problemsOf({}, { port: 65_536 })).toEqual([
    "http has an invalid value for port: 65536. Write a whole number from 0 to 65,535, or remove this option",
  ]);
});

test("boot refuses malformed origins and proxy addresses and names the option of http()", async () => {
  const wrong = [
    "https://admin.example/",
    "*",
    "https://*.example",
    "app.example",
    "https://admin.example:443",
    "https://bücher.example",
    "null",
  ];
  const right = ["https://admin.example", "HTTPS://Admin.Example:8443", "http://[::1]:3000", "capacitor://localhost"];
  const origin = 'Write scheme and host, and any port that is not the default port: "https://admin.example"';
  expect(await problemsOf({}, { allowedOrigins: [...right, ...wrong] })).toEqual(
    wrong.map(
      (text) =>
        `The http() option allowedOrigins has ${JSON.stringify(text)}, which is not an origin in the form that browsers send. ${origin}`,
    ),
  );
  const proxies = ["proxy", "10.0.0.0/99", "10.0.0.0/", "10.0.0.0/8/8", "::1/129", "", "127.0.0.1:80"];
  const address = 'Write an IP address, or a network with its prefix length: "10.0.0.0/8"';
  expect(await problemsOf({}, { trustedProxies: ["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8", ...proxies] })).toEqual(
    proxies.map(
      (text) => `The http() option trustedProxies has ${JSON.stringify(text)}, which is not an address or a network. ${address}`,
    ),
  );
  const list = "Write a list of: a string, or remove this option";
  expect(await problemsOf({}, { trustedProxies: "10.0.0.1", allowedOrigins: [1] })).toEqual([
    `http has an invalid value for allowedOrigins: [1]. Write "any", or a list of: a string, or remove this option`,
    `http has an invalid value for trustedProxies: "10.0.0.1". ${list}`,
  ]);
});

test.each([
  ["0.0.0.0/0", "is wider than /8"],
  ["0.0.0.0/1", "is wider than /8"],
  ["128.0.0.0/2", "is wider than /8"],
  ["192.0.0.0/3", "is wider than /8"],
  ["10.0.0.0/7", "is wider than /8"],
  ["2000::/3", "is wider than /16"],
  ["2600::/15", "is wider than /16"],
  ["fc00::/6", "is wider than /16"],
  ["::/0", "contains every IPv4 address"],
  ["::/64", "contains every IPv4 address"],
  ["::ffff:0:0/96", "contains every IPv4 address"],
  ["::ffff:128.0.0.0/97", "is wider than /104"],
])("S6, S12: boot refuses the trusted proxies %s, because the network %s", async (network, why) => {
  expect(await problemsOf({}, { trustedProxies: ["10.0.0.0/8", network, "::1"] })).toEqual([
    `The http() option trustedProxies has "${network}", which ${why}. Every caller in this network could send a forged address. List only the networks of your proxies: "10.0.0.0/8"`,
  ]);
});

test("S6, S12: boot reports each network in trustedProxies that contains too many addresses", async () => {
  const problems = await problemsOf({}, { trustedProxies: ["0.0.0.0/1", "128.0.0.0/2"] });
  expect(problems).toEqual([expect.stringContaining('"0.0.0.0/1"'), expect.stringContaining('"128.0.0.0/2"')]);
});

test("S6, S12: trustedProxies accepts private networks, and the largest networks of CDNs and clouds", async () => {
  const ofOwnNetworks = ["10.0.0.0/8", "127.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fd00::/8"];
  const linkLocal = ["fe80::/10", "::1", "::ffff:10.0.0.0/104", "::ffff:192.0.2.1"];
  const ofCdns = ["104.16.0.0/13", "104.64.0.0/10", "23.192.0.0/11", "3.160.0.0/14", "17.0.0.0/8", "151.101.0.0/16"];
  const ofCdns6 = ["2606:4700::/32", "2600:1400::/24", "2600:9000::/28", "2a02:26f0::/29"];
  expect(await problemsOf({}, { trustedProxies: [...ofOwnNetworks, ...linkLocal, ...ofCdns, ...ofCdns6] })).toEqual([]);
});

describe("boot refuses wrong routes", () => {
  test.each([
    [
      "a GET route for a write",
      { put: { http: "GET /a/:id" } },
      'In the route of put, GET is not allowed for a handler whose effect is "write"',
    ],
    [
      "a path parameter that is not an input",
      { get: { http: "GET /a/:uid" } },
      "path parameter :uid is not a property of the handler's input. The inputs of the handler are id",
    ],
    [
      "a path parameter that is only half a segment",
      { get: { http: "GET /a/:id.json" } },
      '"/:id.json" is not a valid name of a path parameter',
    ],
    ["a wildcard in a path", { get: { http: "GET /a/*" } }, "has a wildcard"],
    ["a path that Quater itself uses", { get: { http: "GET /health" } }, "Quater itself uses the path /health"],
    [
      "a credential bound to an input",
      { get: { http: { route: "GET /a", bind: { id: "header:Authorization" } } } },
      "reads the header authorization, which is reserved for credentials",
    ],
    [
      "an input that is bound twice",
      { get: { http: { route: "GET /a/:id", bind: { id: "header:x-id" } } } },
      "is a path parameter and is also bound to a header",
    ],
    [
      "a bound name that is not an input",
      { get: { http: { route: "GET /a", bind: { uid: "header:x-id" } } } },
      "bind.uid is not a property",
    ],
    [
      "an unknown HTTP method",
      { get: { http: "FETCH /a" } },
      'Write http as "GET /path", or as an object: { route, status?, bind?, body?, answer?, extra?, cache?, forms? }',
    ],
    ["an unknown option", { get: { http: { route: "GET /a", stauts: 201 } } }, "is not a known field"],
    ["the same route for two handlers", { get: { http: "GET /a/:id" }, open: { http: "GET /a/:name" } }, "have the same route"],
  ])("boot refuses an exposure over http with %s", async (_name, expose, text) => {
    expect((await problemsOf(expose, door)).join("\n")).toContain(text);
  });

  const Pin = secret(Type.String());
  const withPin = (input: Parameters<typeof handler>[0]["input"]) =>
    handler({ description: "Opens.", effect: "read", input, auth: authenticated, handle: () => null });
  test.each([
    ["the path", { http: "POST /open/:pin" }, Type.Object({ pin: Pin }), "path"],
    ["the path of a GET", { http: "GET /open/:pin" }, Type.Object({ pin: Pin }), "path"],
    ["the query of a GET", { http: "GET /open" }, Type.Object({ pin: Type.Optional(Pin) }), "query"],
    ["the query of a DELETE", { http: "DELETE /open" }, Type.Object({ pin: Type.Array(Pin) }), "query"],
    [
      "the query, where only a branch says that it is one",
      { http: "GET /open" },
      Type.Unsafe({ type: "object", properties: { pin: {} }, anyOf: [Type.Object({ pin: Pin }), {}] }),
      "query",
    ],
  ])("boot refuses an exposure that reads a secret from %s", async (_name, exposure, input, place) => {
    expect(await problemsOf({ open: exposure }, door, { open: withPin(input) })).toEqual([
      `In the route of open, the input pin is a secret and would come from the ${place}, but proxies and servers log URLs. ` +
        'Use POST, so that pin comes from the body. Or read pin from a header with bind: { pin: "header:x-pin" }',
    ]);
  });

  test.each([
    ["a body", { http: "POST /open" }],
    ["a header", { http: { route: "GET /open", bind: { pin: "header:x-pin" } } }],
  ])("boot accepts an exposure that reads a secret from %s", async (_name, exposure) => {
    expect(await problemsOf({ open: exposure }, door, { open: withPin(Type.Object({ pin: Pin })) })).toEqual([]);
  });

  test("boot refuses the status 204 or 205 for a handler whose output is not null", async () => {
    const about = { description: "Removes.", effect: "write", input: Type.Object({}), auth: anyone } as const;
    const handlers = {
      unsaid: handler({ ...about, handle: () => ({ gone: true }) }),
      gives: handler({ ...about, output: Type.Object({ gone: Type.Boolean() }), handle: (_) => ({ gone: true }) }),
      streams: handler({ ...about, output: stream(Type.Null()), async *handle() {} }),
      nothing: handler({ ...about, output: Type.Null(), handle: (_) => null }),
    };
    const exposing = (status: number) =>
      Object.fromEntries(
        Object.keys(handlers).map((name) => [name, { http: { route: `DELETE /${name}`, status }, public: true }]),
      );
    const remedy = "Choose another status, such as 200, or declare output: Type.Null() in the handler and return null";
    expect(await problemsOf(exposing(204), door, handlers)).toEqual(
      ["unsaid", "gives", "streams"].map(
        (name) =>
          `In the route of ${name}, a response with the status 204 has no body, so the handler's output would be lost. ${remedy}`,
      ),
    );
    expect(await problemsOf(exposing(205), door, handlers)).toHaveLength(3);
    expect(await problemsOf(exposing(202), door, handlers)).toEqual([]);
  });

  test("boot reports all boot problems of HTTP routes at once", async () => {
    expect(await problemsOf({ put: { http: "GET /a/:uid" }, get: { http: "GET /health" } })).toHaveLength(4);
  });
});
