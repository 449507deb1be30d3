// The parity table: one handler, one input, every surface, one outcome. The same code, path and text wherever the call
// comes from, and the handler ran exactly when all accepted. `parityOf` is run with the surfaces of a folder's own tests.

import { can, handler, Type } from "quater";
import { cli } from "quater/cli";
import { http } from "quater/http";
import type { Authenticator, ConfiguredPlugin, Probe, ProbeAnswer, ProbeCall } from "quater/plugin-api";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const handled: unknown[] = [];
const input = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  ratio: Type.Optional(Type.Number()),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 10 })),
  status: Type.Optional(Type.Union([Type.Literal("paid"), Type.Literal("open")])),
  flag: Type.Optional(Type.Boolean()),
  tags: Type.Optional(Type.Array(Type.String(), { maxItems: 3 })),
  limit: Type.Integer({ default: 20 }),
  price: Type.Optional(Type.Number({ multipleOf: 0.01 })),
  count: Type.Optional(Type.Integer()),
  at: Type.Optional(Type.String({ format: "date-time" })),
  shape: Type.Optional(
    Type.Union([
      Type.Object({ kind: Type.Literal("circle"), radius: Type.Integer({ minimum: 1 }) }),
      Type.Object({ kind: Type.Literal("rect"), width: Type.Integer(), height: Type.Integer() }),
    ]),
  ),
  code: Type.Optional(
    Type.String({ pattern: "^[A-Z]{3}$", maxLength: 3, "x-message": { pattern: "must be three capital letters, such as EUR" } }),
  ),
});
const range = "must be an integer from -9007199254740991 to 9007199254740991";
const record = (given: unknown) => {
  handled.push(given);
  return given;
};
const byText = handler({
  description: "Takes text where the surface has text.",
  effect: "read",
  input,
  auth: can("use"),
  handle: record,
});
const byJson = handler({ description: "Takes JSON.", effect: "write", input, auth: can("use"), handle: record });

/** Which surfaces are compared, beside http and cli. */
export interface More {
  readonly plugins: (authenticate: Authenticator) => readonly ConfiguredPlugin[];
  /** Their exposure keys, all `true`. */
  readonly keys: readonly string[];
  /** Further ways in, for surfaces that have several. */
  readonly probes: (app: TestApp) => Readonly<Record<string, Probe>>;
}

const nothingMore: More = { plugins: () => [], keys: [], probes: () => ({}) };

export const parityOf = ({ plugins, keys, probes }: More = nothingMore): void => {
  let app: TestApp;
  let ask: (call: ProbeCall) => Promise<Readonly<Record<string, ProbeAnswer>>>;
  let everywhere: readonly string[];
  /** Where an integer is written as text; MCP sends JSON, where a number is a number. */
  const textual = ["http", "cli"];

  beforeAll(async () => {
    const authenticate = tokens({ key: principal({ scopes: ["use"] }), weak: principal({ subject: "weak" }) });
    const others = Object.fromEntries(keys.map((key) => [key, true]));
    app = await bootTest({
      handlers: { byText, byJson },
      expose: {
        byText: { http: "GET /by-text/:id", cli: true, ...others },
        byJson: { http: "POST /by-json", cli: true, ...others },
      },
      plugins: [http({ port: 0, authenticate }), cli({ authenticate }), ...plugins(authenticate)],
    });
    const further = probes(app);
    everywhere = [...textual, ...keys, ...Object.keys(further)].sort();
    ask = async (call) => {
      const answers: Record<string, ProbeAnswer> = { ...(await app.acrossSurfaces(call)) };
      for (const [name, probe] of Object.entries(further)) answers[name] = await probe(call);
      return answers;
    };
  });
  afterAll(() => app.stop());

  /** Sends the input everywhere and gives the one answer, after checking that it is one. */
  const oneAnswer = async (call: ProbeCall, surfaces: readonly string[]): Promise<ProbeAnswer> => {
    handled.splice(0);
    const answers = await ask({ token: "key", ...call });
    expect(Object.keys(answers).sort()).toEqual(everywhere);
    const compared = surfaces.map((surface) => answers[surface]);
    const [first] = compared;
    if (first === undefined) throw new Error("No surface answered");
    for (const answer of compared) expect(answer).toEqual(first);
    const ran = Object.values(answers).filter(({ ok }) => ok).length;
    expect(handled).toHaveLength(ran);
    for (const one of handled) expect(one).toEqual(handled[0]);
    return first;
  };

  describe("inputs that every surface accepts", () => {
    test.each([
      ["the least", '{"id":7}', { id: 7, limit: 20 }],
      [
        "everything",
        '{"id":7,"ratio":1.5,"name":"Zoë","status":"paid","flag":true,"tags":["a","b"],"limit":3}',
        { id: 7, ratio: 1.5, name: "Zoë", status: "paid", flag: true, tags: ["a", "b"], limit: 3 },
      ],
      ["numbers that JSON writes otherwise", '{"id":7.0,"ratio":1e2}', { id: 7, ratio: 100, limit: 20 }],
      ["white space and key order", ' { "limit" : 1 , "id" : 7 } ', { id: 7, limit: 1 }],
      ["an escaped key", '{"\\u0069d":7}', { id: 7, limit: 20 }],
      ["H9: a price of 1070468.14", '{"id":7,"price":1070468.14}', { id: 7, limit: 20, price: 1070468.14 }],
      ["H10: the largest integer", '{"id":7,"count":9007199254740991}', { id: 7, limit: 20, count: 9007199254740991 }],
    ])("%s: every surface accepts this JSON input and returns the same value", async (_name, json, value) => {
      expect(await oneAnswer({ handler: "byJson", input: { json } }, everywhere)).toEqual({ ok: true, value });
      expect(handled).toHaveLength(everywhere.length);
    });

    test("every surface that accepts text coerces the text to the same input as the equal JSON", async () => {
      const text = { id: "7", ratio: "-1.5e2", name: "Zoë", status: "open", flag: "false", tags: ["a", "b"], limit: "3" };
      const answer = await oneAnswer({ handler: "byText", input: { text } }, textual);
      expect(answer).toEqual({
        ok: true,
        value: { id: 7, ratio: -150, name: "Zoë", status: "open", flag: false, tags: ["a", "b"], limit: 3 },
      });
    });
  });

  describe("inputs that every surface refuses as JSON", () => {
    test.each([
      ["a missing field", "{}", "invalid_input", "/id", "is required"],
      ["an unknown field", '{"id":7,"nmae":"x"}', "unknown_field", "/nmae", 'is not a known field; did you mean "name"?'],
      ["a value of the wrong type", '{"id":"seven"}', "invalid_input", "/id", "must be an integer"],
      ["a number as text", '{"id":"7"}', "invalid_input", "/id", "must be an integer"],
      ["12.7 for an integer", '{"id":12.7}', "invalid_input", "/id", "must be an integer"],
      ["12.7 as text for an integer", '{"id":"12.7"}', "invalid_input", "/id", "must be an integer"],
      ["0x10 as text for an integer", '{"id":"0x10"}', "invalid_input", "/id", "must be an integer"],
      ["a number with a leading space", '{"id":" 5"}', "invalid_input", "/id", "must be an integer"],
      ["a number with an underscore", '{"id":"1_000"}', "invalid_input", "/id", "must be an integer"],
      ["Arabic digits", '{"id":"٣"}', "invalid_input", "/id", "must be an integer"],
      ["an empty string for an integer", '{"id":""}', "invalid_input", "/id", "must be an integer"],
      ["an empty string", '{"id":7,"name":""}', "invalid_input", "/name", "must not be empty"],
      ["null for a required field", '{"id":null}', "invalid_input", "/id", "must be an integer"],
      ["null for an optional field", '{"id":7,"name":null}', "invalid_input", "/name", "must be a string"],
      ["a number below the minimum", '{"id":0}', "invalid_input", "/id", "must be at least 1"],
      [
        "a text that is too long",
        '{"id":7,"name":"12345678901"}',
        "invalid_input",
        "/name",
        "must be at most 10 characters long",
      ],
      ["a list that is too long", '{"id":7,"tags":["a","b","c","d"]}', "invalid_input", "/tags", "must have at most 3 items"],
      ["an item of the wrong type", '{"id":7,"tags":["a",1]}', "invalid_input", "/tags/1", "must be a string"],
      [
        "a value that is not in the enum",
        '{"id":7,"status":"lost"}',
        "invalid_input",
        "/status",
        'must be one of "paid", "open"',
      ],
      ["a boolean as number", '{"id":7,"flag":1}', "invalid_input", "/flag", "must be true or false"],
      ["__proto__ as a key", '{"id":7,"__proto__":{"x":1}}', "json_forbidden_key", "/__proto__", "is not allowed as a key"],
      [
        "an escaped constructor as a key",
        '{"id":7,"c\\u006fnstructor":1}',
        "json_forbidden_key",
        "/constructor",
        "is not allowed as a key",
      ],
      ["a repeated key", '{"id":7,"id":8}', "json_duplicate_key", "/id", "is given more than once"],
      ["a repeated key, escaped once", '{"id":7,"\\u0069d":8}', "json_duplicate_key", "/id", "is given more than once"],
      [
        "a lone surrogate",
        '{"id":7,"name":"\\ud800"}',
        "json_bad_unicode",
        "/name",
        "contains half of a surrogate pair, which is not valid Unicode",
      ],
      ["1e400", '{"id":7,"ratio":1e400}', "json_number_lossy", "/ratio", "is a number that JavaScript cannot represent exactly"],
      [
        "9007199254740993",
        '{"id":9007199254740993}',
        "json_number_lossy",
        "/id",
        "is a number that JavaScript cannot represent exactly",
      ],
      ["H9: a price of 1.005", '{"id":7,"price":1.005}', "invalid_input", "/price", "must be a multiple of 0.01"],
      ["H10: 9007199254740992", '{"id":7,"count":9007199254740992}', "invalid_input", "/count", range],
      ["H10: -9007199254740992", '{"id":7,"count":-9007199254740992}', "invalid_input", "/count", range],
      ["H10: 1e21", '{"id":7,"count":1e21}', "invalid_input", "/count", range],
      [
        "H11: an unknown kind",
        '{"id":7,"shape":{"kind":"oval","radius":1}}',
        "invalid_input",
        "/shape/kind",
        'must be one of "circle", "rect"',
      ],
      ["H11: no kind", '{"id":7,"shape":{"radius":1}}', "invalid_input", "/shape/kind", "is required"],
      [
        "H11: a wrong field of the chosen kind",
        '{"id":7,"shape":{"kind":"circle","radius":0}}',
        "invalid_input",
        "/shape/radius",
        "must be at least 1",
      ],
      [
        "a rule with an x-message",
        '{"id":7,"code":"eur"}',
        "invalid_input",
        "/code",
        "must be three capital letters, such as EUR",
      ],
      [
        "a rule without x-message beside one that has it",
        '{"id":7,"code":"EURO"}',
        "invalid_input",
        "/code",
        "must be at most 3 characters long",
      ],
      ["an array in place of the input object", "[1]", "invalid_input", "", "must be an object"],
    ])(
      "%s: every surface refuses this JSON input with the same code, path and text",
      async (_name, json, code, path, message) => {
        const answer = await oneAnswer({ handler: "byJson", input: { json } }, everywhere);
        expect(answer).toEqual({
          ok: false,
          code,
          message: `${path === "" ? "the input" : path} ${message}`,
          errors: [{ path, message }],
        });
        expect(handled).toEqual([]);
      },
    );
  });

  describe("inputs that every surface refuses as text", () => {
    const refusals: readonly (readonly [string, Record<string, string | string[]>, string, string, string])[] = [
      ["12.7", { id: "12.7" }, "invalid_input", "/id", "must be an integer"],
      ["0x10", { id: "0x10" }, "invalid_input", "/id", "must be an integer"],
      ["a leading space", { id: " 5" }, "invalid_input", "/id", "must be an integer"],
      ["a plus sign", { id: "+5" }, "invalid_input", "/id", "must be an integer"],
      ["1_000", { id: "1_000" }, "invalid_input", "/id", "must be an integer"],
      ["Arabic digits", { id: "٣" }, "invalid_input", "/id", "must be an integer"],
      ["an exponent for an integer", { id: "1e2" }, "invalid_input", "/id", "must be an integer"],
      ["a number that a double cannot keep", { id: "9007199254740993" }, "invalid_input", "/id", "must be at most 1000000"],
      ["H9: a price of 1.005", { id: "7", price: "1.005" }, "invalid_input", "/price", "must be a multiple of 0.01"],
      ["H10: 9007199254740992", { id: "7", count: "9007199254740992" }, "invalid_input", "/count", range],
      ["H10: 9007199254740993", { id: "7", count: "9007199254740993" }, "invalid_input", "/count", range],
      [
        "H15: a date-time whose + became a space",
        { id: "7", at: "2026-01-01T10:00:00 02:00" },
        "invalid_input",
        "/at",
        "must be a valid date-time: in a URL, + must be sent as %2B",
      ],
      [
        "a rule with a sentence of its own",
        { id: "7", code: "eur" },
        "invalid_input",
        "/code",
        "must be three capital letters, such as EUR",
      ],
      ["H10: 1e21", { id: "7", count: "1e21" }, "invalid_input", "/count", range],
      ["1e400", { id: "7", ratio: "1e400" }, "invalid_input", "/ratio", "must be a number"],
      ["NaN", { id: "7", ratio: "NaN" }, "invalid_input", "/ratio", "must be a number"],
      ["an empty text for a number", { id: "7", ratio: "" }, "invalid_input", "/ratio", "must be a number"],
      ["yes for a boolean", { id: "7", flag: "yes" }, "invalid_input", "/flag", "must be true or false"],
      [
        "null for a string too long",
        { id: "7", name: "12345678901" },
        "invalid_input",
        "/name",
        "must be at most 10 characters long",
      ],
      ["an unknown enum", { id: "7", status: "PAID" }, "invalid_input", "/status", 'must be one of "paid", "open"'],
      ["an unknown field", { id: "7", staus: "paid" }, "unknown_field", "/staus", 'is not a known field; did you mean "status"?'],
      ["a repeated field", { id: "7", name: ["a", "b"] }, "invalid_input", "/name", "is given more than once"],
      [
        "__proto__",
        JSON.parse('{"id":"7","__proto__":"x"}') as Record<string, string>,
        "json_forbidden_key",
        "/__proto__",
        "is not allowed as a key",
      ],
    ];
    test.each(refusals)(
      "%s: every surface refuses this text input with the same code, path and text",
      async (_name, text, code, path, message) => {
        const answer = await oneAnswer({ handler: "byText", input: { text } }, textual);
        expect(answer).toEqual({ ok: false, code, message: `${path} ${message}`, errors: [{ path, message }] });
        expect(handled).toEqual([]);
      },
    );
  });

  describe("access checks on every surface", () => {
    test.each([
      ["a wrong token", "wrong", "invalid_token"],
      ["a token without the scope", "weak", "missing_scope"],
    ])("every surface refuses %s before the check of the input", async (_name, token, code) => {
      const answers = await ask({ handler: "byJson", input: { json: '{"id":"nonsense"}' }, token });
      for (const [surface, answer] of Object.entries(answers)) expect(answer, surface).toMatchObject({ ok: false, code });
      expect(handled).toEqual([]);
    });

    test("every surface refuses a call without a token", async () => {
      const answers = await ask({ handler: "byJson", input: { json: '{"id":7}' } });
      for (const [surface, answer] of Object.entries(answers))
        expect(answer, surface).toMatchObject({ ok: false, code: "unauthenticated" });
    });
  });
};
