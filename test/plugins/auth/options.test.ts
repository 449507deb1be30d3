// What authenticators are given is checked at boot, and not by the compiler alone: a misspelt option of a door is a door
// that does something else than its owner believes.

import { authenticated, authenticator, handler, Type, withDefault } from "quater";
import { apiKeys, bearer, firstOf, jwt, localUser } from "quater/auth";
import { httpRef } from "quater/http";
import { type Authentication, type Authenticator, type ConfiguredPlugin, defineAuthenticator, opaque } from "quater/plugin-api";
import { approval, audit, cli, http, mcp, store } from "quater/plugins";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { type BootProblem, isBootError } from "../../../core/diagnostics/problem.ts";
import { isFunction } from "../../../core/schema/options.ts";
import { project, quater } from "../cli/kit.ts";

const problemsOf = async (...plugins: readonly ConfiguredPlugin[]): Promise<readonly BootProblem[]> => {
  try {
    await using _app = await bootTest({ isolated: true, handlers: {}, plugins });
    return [];
  } catch (error) {
    if (!isBootError(error)) throw error;
    return error.problems;
  }
};
const causesOf = async (...plugins: readonly ConfiguredPlugin[]): Promise<readonly string[]> =>
  (await problemsOf(...plugins)).map(({ place, cause }) => `${place}: ${cause}`);
const behind = (authenticate: Authentication) => http({ port: 0, authenticate });

/** As JavaScript writes them, where no compiler looks. */
const given = (options?: unknown) => options as never;
const issuer = "https://issuer.example";
const right = { issuer, audience: "https://shop.example", jwks: `${issuer}/keys` };
const text = "Write a string that is not empty, or remove this option";
const list = "Write a list of: a string that is not empty, or remove this option";
const fixed = "Write a string that is not empty. With an empty string, jwt() would accept tokens of other services";
const wrong: readonly [make: () => Authenticator, cause: string, remedy: string][] = [
  [() => apiKeys(given({ fil: "x" })), 'apiKeys has no option "fil"; did you mean "file"?', "The options are file"],
  [() => apiKeys(given({ file: 5 })), "apiKeys has an invalid value for file: 5", text],
  [() => apiKeys({ file: "" }), 'apiKeys has an invalid value for file: ""', text],
  [() => apiKeys(given("keys.json")), "apiKeys() takes an object of options, but it was given a string", "The options are file"],
  [() => apiKeys(given(null)), "apiKeys() takes an object of options, but it was given null", "The options are file"],
  [
    () => localUser(given({ scope: ["a"] })),
    'localUser has no option "scope"; did you mean "scopes"?',
    "The options are person, scopes, roles",
  ],
  [() => localUser(given({ scopes: "hello" })), 'localUser has an invalid value for scopes: "hello"', list],
  [() => localUser(given({ roles: ["a", undefined] })), 'localUser has an invalid value for roles: ["a",null]', list],
  [() => localUser({ person: "" }), 'localUser has an invalid value for person: ""', text],
  [() => bearer(given({})), "bearer has no verify", "Write a function that returns the principal of a token, or undefined"],
  [() => bearer(given()), "bearer has no verify", "Write a function that returns the principal of a token, or undefined"],
  [
    () => bearer(given(() => principal())),
    "bearer() takes an object of options, but it was given a function",
    "The options are scheme, verify",
  ],
  [() => jwt({ ...right, audience: given() }), "jwt has no audience", fixed],
  [() => jwt({ ...right, issuer: "" }), 'jwt has an invalid value for issuer: ""', fixed],
  [
    () => jwt({ ...right, jwks: "http://issuer.example/keys" }),
    'jwt has an invalid value for jwks: "http://issuer.example/keys"',
    "Write the issuer's https address, because keys fetched over http can be forged, or remove this option",
  ],
  [
    () => jwt({ ...right, jwks: given() }),
    "jwt() has neither jwks nor secret",
    "Write jwks with the https URL of the issuer's key set, or secret for tokens that this app signs itself",
  ],
  [
    () => jwt({ ...right, secret: "s".repeat(32) } as never),
    "jwt() has both jwks and secret",
    "Remove jwks or secret, because either the issuer or this app signs the tokens",
  ],
  [
    () => jwt({ issuer, audience: "shop", secret: "geheim geheim geheim" }),
    "jwt has an invalid value for secret, which is not shown because it may be secret",
    "Write a string of at least 32 bytes, such as `openssl rand -base64 32` prints, or remove this option",
  ],
  [
    () => jwt({ issuer, audience: "shop", secret: "s".repeat(32), algorithms: ["ES256"] }),
    "jwt() has both secret and algorithms",
    "Remove algorithms, because tokens with a secret are always signed with HS256",
  ],
  ...[given("RS256"), given(["HS256"]), []].map((algorithms): (typeof wrong)[number] => [
    () => jwt({ ...right, algorithms }),
    `jwt has an invalid value for algorithms: ${JSON.stringify(algorithms)}`,
    "With a symmetric algorithm, everybody who checks tokens could also sign them. Write a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, or remove this option",
  ]),
  [
    () => jwt({ ...right, kind: given("admin") }),
    'jwt has an invalid value for kind: "admin"',
    "Write one of user, service, agent, operator, or remove this option",
  ],
  [
    () => firstOf(),
    "firstOf() has no authenticators",
    "List authenticators in the order in which Quater tries them: firstOf(apiKeys(), localUser())",
  ],
];

describe("boot refuses wrong options of authenticators with a remedy", () => {
  test.each(wrong.map(([make, cause, remedy]) => ({ make, cause, remedy })))(
    "boot refuses wrong options of an authenticator: $cause",
    async ({ make, cause, remedy }) => {
      const name = cause.split(" ", 1)[0]?.replace("()", "");
      expect(await problemsOf(behind(make()))).toEqual([{ place: `${name}() in http()`, plugin: "http", cause, remedy }]);
    },
  );

  test.each<[unknown, string]>([
    [apiKeys, "an authenticator function that was not called"],
    [firstOf, "an authenticator function that was not called"],
    [[apiKeys(), localUser()], "a list, but must be an authenticator or a function"],
    ["apiKeys", "a string, but must be an authenticator or a function"],
    [null, "null, but must be an authenticator or a function"],
    [{}, "an object, but must be an authenticator or a function"],
  ])(
    "boot refuses a value that is not an authenticator, in the option authenticate and inside firstOf (case %#)",
    async (no, cause) => {
      const expected = [`authenticate in http(): authenticate is given ${cause}`];
      expect(await causesOf(behind(given(no)))).toEqual(expected);
      expect(await causesOf(behind(firstOf(localUser(), given(no))))).toEqual(expected);
    },
  );
});

test("boot accepts correct options of every authenticator, alone and inside firstOf", async () => {
  const all = firstOf(
    apiKeys({ file: "keys.json" }),
    localUser({ person: "ana", scopes: ["a"], roles: [] }),
    bearer({ verify: () => undefined }),
    jwt({ ...right, algorithms: ["ES256"], kind: "service", personClaim: "email", rolesClaim: "groups" }),
    jwt({ ...right, jwks: "http://127.0.0.1:1/keys" }),
    () => undefined,
  );
  expect(await causesOf(behind(all))).toEqual([]);
  const { UNSET } = process.env;
  expect(await causesOf(behind(apiKeys(given({ file: UNSET }))))).toEqual([]);
});

test("boot checks the authenticators of all surfaces, also inside other authenticators, and reports a shared authenticator once", async () => {
  const shared = firstOf(() => undefined, firstOf(apiKeys(given({ fil: 1 })), localUser(given({ roles: "a" }))));
  const sso = { personHeader: "x-person", secretHeader: "x-secret", secret: "s".repeat(40) };
  const found = await causesOf(
    http({ port: 0, prot: 1, authenticate: shared } as object),
    mcp({ authenticate: shared }),
    cli({ authenticate: localUser(given({ scope: [] })) }),
    store(),
    audit(),
    approval({
      authenticate: jwt({ ...right, jwks: given() }),
      sso,
      policies: { finance: { approvers: [{ role: "finance" }] } },
    }),
  );
  expect(found).toEqual([
    'apiKeys() in http(): apiKeys has no option "fil"; did you mean "file"?',
    'localUser() in http(): localUser has an invalid value for roles: "a"',
    "jwt() in approval(): jwt() has neither jwks nor secret",
    'localUser() in cli(): localUser has no option "scope"; did you mean "scopes"?',
    'http(): http has no option "prot"; did you mean "port"?',
  ]);
});

test("the boot problem about wrong options of an authenticator contains no password", async () => {
  const [problem] = await problemsOf(behind(jwt({ ...right, jwks: "http://me:geheim@issuer.example/keys" })));
  expect(problem?.cause).toBe('jwt has an invalid value for jwks: "http://me@issuer.example/keys"');
});

describe("an authenticator with a wrong option accepts no caller", () => {
  const secret = handler({
    description: "Tell.",
    effect: "read",
    input: Type.Object({}),
    auth: authenticated,
    handle: () => "told",
  });
  const shown = { surface: "cli", isLocal: true, header: () => undefined, cookie: () => undefined };

  test.each(wrong.map(([make, cause]) => ({ make, cause })))(
    "an authenticator with wrong options accepts no caller: $cause",
    ({ make }) => {
      for (const token of [undefined, "any", "a.b.c"]) expect(() => make().authenticate({ ...shown, token })).toThrow();
      expect(() => make().open?.({ root: "/nowhere", mode: "serve" })).toThrow();
    },
  );

  test("a custom authenticator accepts no caller when it calls an authenticator with wrong options", async () => {
    const inner = localUser(given({ scope: ["a"] }));
    const wrapped = authenticator({
      name: "wrapped",
      open: (context) => inner.open?.(context),
      authenticate: (credentials) => inner.authenticate(credentials),
    });
    expect(await causesOf(behind(wrapped))).toEqual(['localUser(): localUser has no option "scope"; did you mean "scopes"?']);
    await using app = await bootTest({
      handlers: { secret },
      expose: { secret: { http: "GET /secret" } },
      plugins: [behind((credentials) => inner.authenticate({ ...credentials, isLocal: true }))],
    });
    const answer = await fetch(`${app.services.get(httpRef).baseUrl}/secret`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: "authenticator_failed" }]);
  });
});

test.each([
  [
    "a user's record",
    { id: "canary", scopes: "canary", issuer: null },
    [
      "The authenticator returned an object that is not a valid principal: issuer is null, but must be a string, subject is undefined, but must be a string,",
      "credential is undefined, but must be a string, scopes is a string, but must be a list, roles is undefined, but must be a list",
    ].join(" "),
  ],
  ["a yes", true, "The authenticator returned a boolean instead of a principal"],
  ["a name", "canary", "The authenticator returned a string instead of a principal"],
])(
  "an authenticator that returns %s accepts no caller, and Quater logs the reason without the value",
  async (_what, returned, said) => {
    const open = handler({ description: "x", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => 1 });
    await using app = await bootTest({
      handlers: { open },
      expose: { open: { http: "GET /open" } },
      plugins: [http({ port: 0, authenticate: () => returned as never })],
    });
    expect((await fetch(`${app.services.get(httpRef).baseUrl}/open`)).status).toBe(503);
    const text = JSON.stringify(app.log);
    expect(text).toContain(said);
    expect(text).not.toContain("canary");
  },
);

test("the quater program prints wrong options of authenticators without a stack, and exits with 78", async () => {
  const { folder, remove } = project({
    "quater.config.mjs": `import { defineConfig } from "quater";
import { apiKeys, cli, http, jwt, localUser } from "quater/plugins";
export default defineConfig({
  name: "doors",
  handlers: [],
  plugins: [http({ port: 0, authenticate: jwt() }), cli({ authenticate: localUser({ scopes: "hello" }) })],
});
`,
  });
  try {
    for (const words of [["serve"], ["actions", "list"]]) {
      const { code, out, err } = await quater(words, { cwd: folder });
      expect([code, out]).toEqual([78, ""]);
      expect(err).toContain("The project does not boot: 3 problems");
      expect(err).toContain(`
  localUser() in cli()
    plugin  cli
    cause   localUser has an invalid value for scopes: "hello"
    remedy  ${list}
`);
      expect(err).not.toMatch(/^ +at /m);
    }
    const { code, err } = await quater(["serve", "--json"], { cwd: folder });
    expect([code, JSON.parse(err)]).toMatchObject([78, { error: { code: "configuration", problems: { length: 3 } } }]);
  } finally {
    remove();
  }
});

test("a custom authenticator can declare its options, so boot checks the options", async () => {
  const sessions = defineAuthenticator(
    { find: opaque<(id: string) => undefined>("a function", isFunction), header: withDefault(Type.String(), "x-session") },
    ({ find, header }) =>
      authenticator({
        name: "sessions",
        reads: { headers: [header] },
        authenticate: (shown) => find(shown.header(header) ?? ""),
      }),
  );
  expect(await causesOf(behind(sessions({ find: () => undefined })))).toEqual([]);
  expect(await causesOf(behind(sessions({ find: () => undefined, header: given(5) })))).toEqual([
    "sessions() in http(): sessions has an invalid value for header: 5",
  ]);
  expect(await causesOf(behind(sessions(given({ hedder: "x" }))))).toEqual([
    'sessions() in http(): sessions has no option "hedder"; did you mean "header"?',
    "sessions() in http(): sessions has no find",
  ]);
  expect(await causesOf(behind(given(sessions)))).toEqual([
    "authenticate in http(): authenticate is given an authenticator function that was not called",
  ]);
});
