// The OpenAPI document: what it says of inputs, answers, credentials and groups.

import { anyone, authenticated, authenticator, can, type Handler, handler, problem, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { isBootError } from "quater/plugin-api";
import { bootTest, principal, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";

type Fields = Readonly<Record<string, unknown>>;

interface Operation {
  readonly summary: string;
  readonly tags?: readonly string[];
  readonly deprecated?: boolean;
  readonly parameters?: readonly Fields[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Fields>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, Fields>>; readonly links?: Fields; readonly $ref?: string }>
  >;
  readonly security: readonly Fields[];
}

interface Document {
  readonly servers: readonly Fields[];
  readonly tags: readonly Fields[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Fields>>; readonly securitySchemes?: Fields };
}

type Handlers = Readonly<Record<string, Handler>>;
type Options = Parameters<typeof http>[0];

const about = { description: "Does it. At once.", effect: "write", auth: authenticated } as const;
const door = { authenticate: tokens({}) };

const documentOf = async (
  handlers: Handlers,
  expose: Readonly<Record<string, object>>,
  options: Options = {},
  reader?: ReturnType<typeof principal>,
): Promise<Document> => {
  await using app = await bootTest({ handlers, expose: expose as never, plugins: [http({ port: 0, ...door, ...options })] });
  return (await app.services.get(httpRef).openApi(reader)) as Document;
};

const problemsOf = async (handlers: Handlers, expose: Readonly<Record<string, object>>): Promise<readonly string[]> => {
  try {
    await documentOf(handlers, expose);
    return [];
  } catch (error) {
    if (isBootError(error)) return error.problems.map(({ cause, remedy }) => `${cause}. ${remedy}`);
    throw error;
  }
};

/** Every `$ref` of the document. */
const refsIn = (value: unknown): readonly string[] => {
  if (Array.isArray(value)) return value.flatMap(refsIn);
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, part]) => (key === "$ref" ? [String(part)] : refsIn(part)));
};

const bodyOf = (operation: Operation | undefined) => operation?.requestBody?.content["application/json"]?.["schema"];
const answerOf = (operation: Operation | undefined, status = "200") =>
  operation?.responses[status]?.content?.["application/json"]?.["schema"];

const Node = () => Type.Cyclic({ Node: Type.Object({ value: Type.String(), children: Type.Array(Type.Ref("Node")) }) }, "Node");
const node = {
  type: "object",
  required: ["value", "children"],
  properties: {
    value: { type: "string" },
    children: { type: "array", items: { $ref: "#/components/schemas/Node" } },
  },
  additionalProperties: false,
};

describe("H12: the OpenAPI document contains recursive schemas", () => {
  test("H12: a Type.Cyclic in a body is one component of the OpenAPI document, also when several handlers use the schema", async () => {
    const save = handler({ ...about, input: Type.Object({ root: Node() }), output: Node(), handle: ({ root }) => root });
    const check = handler({ ...about, input: Type.Object({ root: Node() }), handle: () => null });
    const document = await documentOf({ save, check }, { save: { http: "POST /trees" }, check: { http: "POST /checks" } });
    expect(document.components.schemas["Node"]).toEqual(node);
    expect(Object.keys(document.components.schemas)).toEqual(["Problem", "Node"]);
    expect(bodyOf(document.paths["/trees"]?.["post"])).toMatchObject({
      properties: { root: { $ref: "#/components/schemas/Node" } },
    });
    expect(answerOf(document.paths["/trees"]?.["post"])).toEqual({ $ref: "#/components/schemas/Node" });
  });

  test("H12: the OpenAPI document names a recursive schema without a name after its definition, or after the operation", async () => {
    const tree = (leaf: object) =>
      Type.Unsafe<object>({
        type: "object",
        properties: { top: { $ref: "#/$defs/node" } },
        $defs: { node: { type: "object", properties: { leaf, next: { $ref: "#/$defs/node" } } } },
      });
    const one = handler({ ...about, input: tree({ type: "string" }) as never, handle: () => null });
    const same = handler({ ...about, input: tree({ type: "string" }) as never, handle: () => null });
    const other = handler({ ...about, input: tree({ type: "integer" }) as never, handle: () => null });
    const self = handler({
      ...about,
      input: Type.Unsafe({ type: "object", properties: { next: { $ref: "#" } } }) as never,
      handle: () => null,
    });
    const handlers = { one, same, other, self };
    const document = await documentOf(
      handlers,
      Object.fromEntries(Object.keys(handlers).map((name) => [name, { http: `POST /${name}` }])),
    );
    const { schemas } = document.components;
    expect(Object.keys(schemas)).toEqual(["Problem", "node", "OtherNode", "SelfInput"]);
    expect(schemas["OtherNode"]).toMatchObject({
      properties: { leaf: { type: "integer" }, next: { $ref: "#/components/schemas/OtherNode" } },
    });
    expect(schemas["SelfInput"]).toMatchObject({ properties: { next: { $ref: "#/components/schemas/SelfInput" } } });
  });
});

describe("H13: the OpenAPI document contains names, types and credentials", () => {
  const Author = Type.Object({ name: Type.String(), born: Type.Optional(Type.Integer()) }, { $id: "Author" });

  test("H13: a schema with a $id is one component of the OpenAPI document, even when many handlers use the schema", async () => {
    const save = handler({
      ...about,
      input: Type.Object({ author: Author, editor: Type.Optional(Author) }),
      output: Type.Object({ author: Author, all: Type.Array(Author) }),
      handle: ({ author }) => ({ author, all: [author] }),
    });
    const document = await documentOf({ save }, { save: { http: "POST /books" } });
    expect(document.components.schemas["Author"]).toEqual({
      type: "object",
      required: ["name"],
      properties: { name: { type: "string" }, born: { type: "integer" } },
      additionalProperties: false,
    });
    expect(Object.keys(document.components.schemas)).toEqual(["Problem", "Author"]);
    const author = { $ref: "#/components/schemas/Author" };
    expect(bodyOf(document.paths["/books"]?.["post"])).toMatchObject({ properties: { author, editor: author } });
    expect(answerOf(document.paths["/books"]?.["post"])).toMatchObject({
      properties: { author, all: { type: "array", items: author } },
    });
  });

  test("H13: an object, a union or an enum with a title is a component of the OpenAPI document, but not a string with a title", async () => {
    const Kind = Type.Enum(["a", "b"], { title: "Book kind" });
    const Either = Type.Union([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })], { title: "Either" });
    const save = handler({
      ...about,
      input: Type.Object({ kind: Type.With(Kind, { default: "a" }), other: Kind, name: Type.String({ title: "Name" }) }),
      output: Type.Object({ either: Either }, { title: "Saved" }),
      handle: () => ({ either: { a: "" } }),
    });
    const document = await documentOf({ save }, { save: { http: "POST /books" } });
    expect(Object.keys(document.components.schemas)).toEqual(["Problem", "BookKind", "Saved", "Either"]);
    expect(document.components.schemas["BookKind"]).toEqual({ type: "string", enum: ["a", "b"], title: "Book kind" });
    expect(bodyOf(document.paths["/books"]?.["post"])).toMatchObject({
      required: ["other", "name"],
      properties: {
        kind: { $ref: "#/components/schemas/BookKind", default: "a" },
        other: { $ref: "#/components/schemas/BookKind" },
        name: { type: "string", title: "Name" },
      },
    });
  });

  test("H13: a schema whose input and output forms differ becomes two components of the OpenAPI document", async () => {
    const Id = Type.Object({ id: Type.String({ pattern: "^[a-z]+$" }) }, { $id: "Id" });
    const Holder = Type.Object({ held: Id }, { $id: "Holder" });
    const save = handler({ ...about, input: Type.Object({ held: Holder }), output: Holder, handle: ({ held }) => held });
    const { components, paths } = await documentOf({ save }, { save: { http: "POST /ids" } });
    expect(components.schemas).toMatchObject({
      Id: { properties: { id: { type: "string", pattern: "^[a-z]+$" } } },
      IdInput: { properties: { id: { maxLength: 1000 } } },
      Holder: { properties: { held: { $ref: "#/components/schemas/Id" } } },
      HolderInput: { properties: { held: { $ref: "#/components/schemas/IdInput" } } },
    });
    expect(bodyOf(paths["/ids"]?.["post"])).toMatchObject({ properties: { held: { $ref: "#/components/schemas/HolderInput" } } });
    expect(answerOf(paths["/ids"]?.["post"])).toEqual({ $ref: "#/components/schemas/Holder" });
  });

  test("H13: boot refuses two different schemas with one name", async () => {
    const Other = Type.Object({ name: Type.Integer() }, { $id: "Author" });
    const one = handler({ ...about, input: Type.Object({ author: Author }), handle: () => null });
    const two = handler({ ...about, input: Type.Object({}), output: Other, handle: () => ({ name: 1 }) });
    const expose = { one: { http: "POST /one" }, two: { http: "POST /two" } };
    expect(await problemsOf({ one, two }, expose)).toEqual([
      "In the schemas of two, a schema has the name Author, but a schema of one has the same name. " +
        "Change the $id or title of one of the two schemas, or make the schemas equal",
    ]);
    const described = Type.With(Author, { description: "Who wrote it" });
    const three = handler({ ...about, input: Type.Object({ author: described }), handle: () => null });
    expect(await problemsOf({ one, two: three }, expose)).toEqual([]);
    const own = handler({ ...about, input: Type.Object({ p: Type.Object({}, { title: "Problem" }) }), handle: () => null });
    expect(await problemsOf({ one: own }, { one: expose.one })).toEqual([
      "In the schemas of one, a schema has the name Problem, which Quater itself uses in the OpenAPI document. Change the $id or title of the schema",
    ]);
  });

  test("H13: an enum and a constant have their type in the OpenAPI document", async () => {
    const save = handler({
      ...about,
      input: Type.Object({
        text: Type.Enum(["a"]),
        number: Type.Enum([1, 2]),
        mixed: Type.Enum(["a", 1]),
        one: Type.Unsafe<"x">({ const: "x" }),
      }),
      handle: () => null,
    });
    const document = await documentOf({ save }, { save: { http: "POST /enums" } });
    expect(bodyOf(document.paths["/enums"]?.["post"])).toMatchObject({
      properties: {
        text: { type: "string", enum: ["a"] },
        number: { type: "integer", enum: [1, 2] },
        mixed: { type: ["string", "integer"], enum: ["a", 1] },
        one: { type: "string", const: "x" },
      },
    });
  });

  test("H13: the OpenAPI document lists the credential of a public route as optional", async () => {
    const open = handler({ ...about, effect: "read", auth: anyone, input: Type.Object({}), handle: () => null });
    const closed = handler({ ...about, effect: "read", auth: can("x"), input: Type.Object({}), handle: () => null });
    const expose = { open: { http: "GET /open", public: true }, closed: { http: "GET /closed" } };
    const document = await documentOf({ open, closed }, expose);
    expect(document.paths["/open"]?.["get"]?.security).toEqual([{}, { bearer: [] }]);
    expect(document.paths["/closed"]?.["get"]).toMatchObject({ security: [{ bearer: [] }], "x-quater-scopes": [["x"]] });
    const alone = await documentOf({ open }, { open: expose.open }, { authenticate: undefined } as never);
    expect(alone.paths["/open"]?.["get"]?.security).toEqual([]);
    expect(alone.components.securitySchemes).toBeUndefined();
  });
});

test("H19: the security schemes in the OpenAPI document are those that the authenticator reads", async () => {
  const mine = authenticator({
    name: "mine",
    reads: { schemes: ["Token", "Basic"], headers: ["X-Session"], cookies: ["sid"] },
    authenticate: () => undefined,
  });
  const show = handler({ ...about, effect: "read", input: Type.Object({}), handle: () => null });
  const document = await documentOf({ show }, { show: { http: "GET /me" } }, { authenticate: mine });
  expect(document.components.securitySchemes).toEqual({
    token: { type: "apiKey", in: "header", name: "Authorization", description: '"Token ", and the credential behind it' },
    basic: { type: "http", scheme: "basic" },
    "x-session": { type: "apiKey", in: "header", name: "x-session" },
    "cookie-sid": { type: "apiKey", in: "cookie", name: "sid" },
  });
  expect(document.paths["/me"]?.["get"]?.security).toEqual([
    { token: [] },
    { basic: [] },
    { "x-session": [] },
    { "cookie-sid": [] },
  ]);
});

test("H3: a route with the status 204 has an answer without a body in the OpenAPI document", async () => {
  const drop = handler({ ...about, input: Type.Object({ id: Type.String() }), output: Type.Null(), handle: () => null });
  const document = await documentOf({ drop }, { drop: { http: { route: "DELETE /items/:id", status: 204 } } });
  expect(document.paths["/items/{id}"]?.["delete"]?.responses["204"]).not.toHaveProperty("content");
});

test('H16: the OpenAPI document allows other fields in the body of a route with extra: "drop", in a named schema, too', async () => {
  const input = Type.Object({ id: Type.String(), name: Type.Object({ first: Type.String() }) }, { title: "Renaming" });
  const rename = handler({ ...about, input, handle: () => null });
  const bodyOf = async (route: object) => {
    const document = await documentOf({ rename }, { rename: { http: route } });
    const schema = Object.values(document.paths)[0]?.["post"]?.requestBody?.content["application/json"]?.["schema"];
    return { schema, components: document.components.schemas };
  };
  const { schema } = await bodyOf({ route: "POST /names", extra: "drop" });
  expect(schema).toMatchObject({ required: ["id", "name"], properties: { name: { additionalProperties: false } } });
  expect(schema).not.toHaveProperty("additionalProperties");
  expect((await bodyOf({ route: "POST /names/:id", extra: "drop" })).schema).not.toHaveProperty("additionalProperties");
  const enveloped = await bodyOf({ route: "POST /names", extra: "drop", body: "name" });
  expect(enveloped.schema).toMatchObject({ additionalProperties: false, properties: { name: { type: "object" } } });
  expect((enveloped.schema as { properties: { name: object } }).properties.name).not.toHaveProperty("additionalProperties");
  expect((await bodyOf({ route: "POST /names" })).components["Renaming"]).toMatchObject({ additionalProperties: false });
});

describe("H14: the OpenAPI document contains the parts that linters check", () => {
  const Item = Type.Object({ id: Type.String() }, { title: "Item" });
  const show = handler({
    description: "Shows one item. Never two.",
    effect: "read",
    auth: can("items"),
    input: Type.Object(
      {
        id: Type.String({ description: "Which" }),
        trace: Type.Optional(Type.String()),
        sid: Type.String(),
        max: Type.Integer({ default: 5, deprecated: true }),
      },
      { examples: [{ id: "i1", sid: "s", max: 7 }] },
    ),
    output: Item,
    handle: ({ id }) => ({ id }),
  });
  const full = problem("item_full", "conflict");
  const fill = handler({
    ...about,
    auth: can("items"),
    input: Type.Object({ id: Type.String(), by: Type.Integer() }, { examples: [{ id: "i1", by: 3 }] }),
    problems: [full],
    handle: () => null,
  });
  const watch = handler({
    ...about,
    effect: "read",
    input: Type.Object({}),
    output: stream(Item),
    async *handle() {
      yield { id: "i1" };
    },
  });
  const expose = {
    show: {
      http: { route: "GET /items/:id", bind: { trace: "header:X-Trace", sid: "cookie:sid" }, summary: "One item", tag: "goods" },
    },
    fill: { http: { route: "POST /items/:id/filling", deprecated: true } },
    watch: { http: "GET /events" },
  };

  /** The exposure of some handlers. */
  const of = (handlers: Handlers) =>
    Object.fromEntries(Object.keys(handlers).map((name) => [name, expose[name as keyof typeof expose]]));

  test("H14: the OpenAPI document has a summary per operation, a schema per error, servers and groups", async () => {
    const document = await documentOf({ show, fill, watch }, expose, { openApi: { tags: { goods: "Things" } } });
    expect(document.servers).toEqual([{ url: "/" }]);
    expect(document.tags).toEqual([{ name: "goods", description: "Things" }]);
    const { get } = document.paths["/items/{id}"] ?? {};
    expect(get).toMatchObject({ summary: "One item", tags: ["goods"], description: "Shows one item. Never two." });
    const { post } = document.paths["/items/{id}/filling"] ?? {};
    expect(post).toMatchObject({ summary: "Does it", deprecated: true });
    expect(Object.keys(get?.responses ?? {})).toEqual("200 400 401 403 404 422 429 500 503 default".split(" "));
    expect(Object.keys(post?.responses ?? {})).toEqual("200 400 401 403 404 409 413 415 422 429 500 503 default".split(" "));
    const known = new Set(refsIn(document));
    expect([...known].filter((ref) => found(document, ref) === undefined)).toEqual([]);
    expect(found(document, get?.responses["401"]?.$ref ?? "")).toMatchObject({
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    });
  });

  test("H14: the OpenAPI document lists inputs from headers, cookies, path and query as parameters, with examples and deprecation", async () => {
    const document = await documentOf({ show, fill }, of({ show, fill }));
    expect(document.paths["/items/{id}"]?.["get"]?.parameters).toEqual([
      {
        name: "id",
        in: "path",
        required: true,
        description: "Which",
        example: "i1",
        schema: { type: "string", description: "Which" },
      },
      { name: "x-trace", in: "header", required: false, schema: { type: "string" } },
      { name: "sid", in: "cookie", required: true, example: "s", schema: { type: "string" } },
      {
        name: "max",
        in: "query",
        required: false,
        deprecated: true,
        example: 7,
        schema: { type: "integer", default: 5, deprecated: true },
      },
    ]);
    expect(document.paths["/items/{id}/filling"]?.["post"]?.requestBody).toMatchObject({
      required: true,
      content: {
        "application/json": { example: { by: 3 }, schema: { required: ["by"], properties: { by: { type: "integer" } } } },
      },
    });
  });

  test("H14: the OpenAPI document describes a stream as a text, with a schema for the items", async () => {
    const document = await documentOf({ watch }, of({ watch }));
    const { content } = document.paths["/events"]?.["get"]?.responses["200"] ?? {};
    expect(Object.keys(content ?? {})).toEqual(["application/x-ndjson", "text/event-stream"]);
    expect(content?.["application/x-ndjson"]).toMatchObject({
      schema: { type: "string", contentSchema: { $ref: "#/components/schemas/Item" } },
    });
  });

  test("H14: the OpenAPI document for one reader contains only the routes of this reader, and only the components of these routes", async () => {
    const document = await documentOf({ show, watch }, of({ show, watch }), {}, principal({ subject: "bo", scopes: [] }));
    expect(Object.keys(document.paths)).toEqual(["/events"]);
    expect(Object.keys(document.components.schemas)).toEqual(["Problem", "Item"]);
  });
});

const found = (document: unknown, ref: string): unknown =>
  ref
    .slice(2)
    .split("/")
    .reduce<unknown>((part, step) => (part as Fields | undefined)?.[step], document);
