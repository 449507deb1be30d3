// H4: an error format of the project's own.

import { anyone, can, conflict, defineConfig, expose, handler, stream, Type } from "quater";
import { type CallError, createClient } from "quater/client";
import { httpRef, type ProblemDetails } from "quater/http";
import { isBootError } from "quater/plugin-api";
import { http } from "quater/plugins";
import { bootTest, gateSuite, principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";

/** As the RealWorld specification has it. */
const Errors = Type.Object({ errors: Type.Record(Type.String(), Type.Array(Type.String())) });
const from = ({ code, detail, errors = [] }: ProblemDetails) => ({
  errors: Object.fromEntries(
    errors.length === 0 ? [[code, [detail]]] : errors.map(({ path, message }) => [path.slice(1), [message]]),
  ),
});
const parts = { description: "Change an article.", effect: "write" } as const;
const save = handler({
  ...parts,
  input: Type.Object({ title: Type.String({ minLength: 1 }) }),
  auth: can("articles:write"),
  handle: ({ title }) => (title === "taken" ? conflict("The title is taken") : { title }),
});
const items = handler({
  ...parts,
  effect: "read",
  input: Type.Object({}),
  output: stream(Type.Integer()),
  auth: anyone,
  async *handle() {
    yield 1;
    conflict("No more");
  },
});
const authenticate = tokens({ "t-ana": principal({ scopes: ["articles:write"] }) });
const manifestWith = (options: object) =>
  defineConfig({
    name: "articles",
    handlers: [
      expose(async () => ({ save, items }), { save: { http: "POST /articles" }, items: { http: "GET /items", public: true } }),
    ],
    plugins: [http({ port: 0, authenticate, ...options })],
  });
const ask = async (
  app: TestApp,
  path: string,
  body: unknown = {},
  headers: Record<string, string> = { authorization: "Bearer t-ana" },
) => {
  const response = await fetch(`${app.services.get(httpRef).baseUrl}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, type: response.headers.get("content-type"), body: await response.json() };
};

test("H4: every refusal of an exposed route has the configured problem format, and keeps its status", async () => {
  await using app = await bootTest(manifestWith({ problem: { schema: Errors, from } }));
  const type = "application/json";
  expect(await ask(app, "/articles", { title: "" })).toEqual({
    status: 422,
    type,
    body: { errors: { title: [expect.any(String)] } },
  });
  expect(await ask(app, "/articles", { title: "taken" })).toEqual({
    status: 409,
    type,
    body: { errors: { conflict: ["The title is taken"] } },
  });
  expect(await ask(app, "/articles", {}, {})).toMatchObject({
    status: 401,
    type,
    body: { errors: { unauthenticated: [expect.any(String)] } },
  });
  expect(await ask(app, "/nowhere")).toMatchObject({
    status: 404,
    type,
    body: { errors: { route_not_found: [expect.any(String)] } },
  });
});

test("H4: Quater's own paths keep problem details when a problem format is configured", async () => {
  await using app = await bootTest(manifestWith({ problem: { schema: Errors, from } }));
  expect(await ask(app, "/__quater__/dry-run/nothing")).toMatchObject({
    status: 404,
    type: "application/problem+json",
    body: { code: "unknown_handler" },
  });
});

test("H4: an error in the middle of a stream has the configured problem format", async () => {
  await using app = await bootTest(manifestWith({ problem: { schema: Errors, from } }));
  const text = await (await fetch(`${app.services.get(httpRef).baseUrl}/items`)).text();
  expect(text).toBe('1\n{"error":{"errors":{"conflict":["No more"]}}}\n');
});

test("H4: probes read the error code from an answer in the configured problem format, and the gate suite finds no hole", async () => {
  const manifest = manifestWith({ problem: { schema: Errors, from } });
  await using app = await bootTest(manifest);
  const answers = await app.acrossSurfaces({
    handler: "save",
    input: { json: JSON.stringify({ title: "taken" }) },
    token: "t-ana",
  });
  expect(answers).toEqual({ http: { ok: false, code: "conflict", message: "The title is taken", errors: [] } });
  const report = await gateSuite(manifest);
  expect(report.holes).toEqual([]);
  expect(report.isGreen).toBe(true);
});

test("the typed client reads errors in the configured problem format with problemOf, and does not return them as results", async () => {
  const manifest = manifestWith({ problem: { schema: Errors, from } });
  await using app = await bootTest(manifest);
  const options = { baseUrl: app.services.get(httpRef).baseUrl ?? "", token: "t-ana" };
  const problemOf = (body: unknown) => {
    const [found] = Object.entries((body as { errors: Record<string, string[]> }).errors);
    return { code: found?.[0] ?? "", message: found?.[1][0] ?? "" };
  };
  const client = createClient<typeof manifest>({ ...options, problemOf });
  const taken = { ok: false, code: "conflict", message: "The title is taken", status: 409, callId: expect.any(String) };
  expect(await client("POST /articles", { title: "taken" })).toMatchObject(taken);
  const all = async (calling: typeof client) => {
    const seen: unknown[] = [];
    try {
      for await (const item of calling("GET /items")) seen.push(item);
    } catch (error) {
      seen.push((error as CallError).failure.code);
    }
    return seen;
  };
  expect(await all(client)).toEqual([1, "conflict"]);
  const unaware = createClient<typeof manifest>(options);
  expect(await unaware("POST /articles", { title: "taken" })).toMatchObject({
    ok: false,
    code: "unexpected_answer",
    status: 409,
  });
  expect(await all(unaware)).toEqual([1, "unexpected_answer"]);
});

test("H4: the OpenAPI document describes the configured problem format and no other", async () => {
  await using app = await bootTest(manifestWith({ problem: { schema: Errors, from, contentType: "application/vnd.shop+json" } }));
  const document = (await app.services.get(httpRef).openApi(undefined)) as { components: { schemas: object } };
  const text = JSON.stringify(document);
  expect(text).not.toContain("application/problem+json");
  expect(text).toContain('"application/vnd.shop+json":{"schema":{"$ref":"#/components/schemas/OwnProblem"}}');
  expect(document.components.schemas).toMatchObject({ OwnProblem: { properties: { errors: { type: "object" } } } });
  expect(document.components.schemas).not.toHaveProperty("Problem");
});

test.each<[string, (problem: ProblemDetails) => unknown]>([
  ["throws", () => JSON.parse("{")],
  ["returns a body that the schema refuses", () => ({ message: "no" })],
  ["returns nothing", () => undefined],
])("H4: when problem.from %s, callers get problem details, and Quater logs the error", async (_, wrong) => {
  await using app = await bootTest(manifestWith({ problem: { schema: Errors, from: wrong } }));
  const answer = await ask(app, "/articles", { title: "taken" });
  expect(answer).toMatchObject({ status: 409, type: "application/problem+json", body: { code: "conflict" } });
  expect(app.log).toContainEqual(
    expect.objectContaining({ level: "error", message: expect.stringContaining("problem.from of http() threw an error") }),
  );
});

test.each([
  [{ schema: Errors }, "http has an invalid value for problem"],
  [{ schema: Errors, from, contentType: "text/html" }, "http has an invalid value for problem"],
  [
    { schema: Type.Object({ a: Type.String({ minLenght: 1 } as never) }), from },
    "The http() option problem has a schema in which",
  ],
])("H4: boot refuses a wrong http() option problem (case %#)", async (problem, cause) => {
  const refusal = await bootTest(manifestWith({ problem })).catch((error: unknown) => error);
  expect(isBootError(refusal) && refusal.problems.map((one) => one.cause)).toEqual([expect.stringContaining(cause)]);
});
