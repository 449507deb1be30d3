import { anyone, handler, notFound, Type, withDefault } from "quater";
import { definePlugin, exposureKey } from "quater/plugin-api";
import { bootTest, expectDenied, expectOk, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";

const greet = handler({
  description: "Greets.",
  effect: "read",
  input: Type.Object({ name: Type.String(), times: withDefault(Type.Integer({ minimum: 1 }), 2) }),
  output: Type.String(),
  auth: anyone,
  handle: ({ name, times }) => name.repeat(times),
});

test("in a test call, the handler gets the default value of an input field that the test omits", async () => {
  await using app = await bootTest({ handlers: { greet } });
  expect(await expectOk(app.as(principal()).call("greet", { name: "a" }))).toBe("aa");
  expect(app.catalog.get("greet")?.input).toMatchObject({ properties: { times: { type: "integer", default: 2 } } });
});

test("a test call of an unknown handler throws an error and does not count as a refusal", async () => {
  await using app = await bootTest({ handlers: { greet } });
  const ana = app.as(principal());
  await expect(ana.call("gret" as "greet", { name: "a" })).rejects.toThrow("No handler named gret is exposed");
  await expect(expectDenied(ana.call("gret" as "greet", { name: "a" }))).rejects.toThrow("No handler named gret is exposed");
  await expect(expectDenied(ana.send("gret"))).rejects.toThrow("it failed with unknown_handler");
  await expectDenied(ana.send("gret"), "unknown_handler");
  await expectDenied(ana.send("greet", { name: "a", nam: 1 }), "unknown_field");
});

/** A surface on which everybody is an agent, as on MCP. */
const agents = definePlugin(() => ({
  name: "agents",
  exposure: [exposureKey("agents", Type.Boolean())],
  surface: {
    name: "agents",
    exposes: "Agents' handlers",
    authenticate: tokens({}),
    adopt: ({ person, ...found }) => ({ ...found, kind: "agent", ...(person === undefined ? {} : { actsFor: person }) }),
  },
}));

test("H20: in a test call, the handler gets the principal that the adopt function of the surface returned", async () => {
  const who = handler({
    description: "Who.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    handle: (_, { principal: p }) => p,
  });
  const expose = { who: { direct: true, agents: true } };
  await using app = await bootTest({ handlers: { who }, expose, plugins: [agents()] });
  const ana = app.as(principal({ subject: "ana" }));
  expect(await expectOk(ana.call("who", {}, { surface: "direct" }))).toMatchObject({ kind: "user", person: "ana" });
  const adopted = await expectOk(ana.call("who", {}, { surface: "agents" }));
  expect(adopted).toMatchObject({ kind: "agent", actsFor: "ana" });
  expect(adopted).not.toHaveProperty("person");
});

test("H20: principal() of the test kit returns agents and services without a person, unless the test names a person", () => {
  expect(principal({ kind: "agent", actsFor: "ana" })).not.toHaveProperty("person");
  expect(principal({ kind: "service" })).not.toHaveProperty("person");
  expect(principal({ kind: "service", person: "ana" }).person).toBe("ana");
  expect(principal({ kind: "operator", subject: "olga" }).person).toBe("olga");
});

test("H24: the function notFound accepts numbers and bigints as ids", () => {
  expect(() => notFound("invoice", 7)).toThrow("invoice 7 was not found");
  expect(() => notFound("invoice", 7n)).toThrow("invoice 7 was not found");
  expect(() => notFound("invoice", "7")).toThrow('invoice "7" was not found');
});

test("H24: when an output has a Date in place of a string, the log contains the path of the Date and a remedy", async () => {
  const output = Type.Object({ rows: Type.Array(Type.Object({ "made/at": Type.String() })) });
  const rows = [{ "made/at": "x" }, { "made/at": new Date(0) }] as unknown as { "made/at": string }[];
  const list = handler({
    description: "Lists.",
    effect: "read",
    input: Type.Object({}),
    output,
    auth: anyone,
    handle: () => ({ rows }),
  });
  await using app = await bootTest({ handlers: { list } });
  await expect(expectOk(app.as(principal()).call("list"))).rejects.toThrow(
    "/rows/1/made~1at must be a string. The value is a Date: return value.toISOString(), or declare the output with shaped()",
  );
});
