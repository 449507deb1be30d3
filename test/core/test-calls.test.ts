import { anyone, handler, Type, withDefault } from "quater";
import { bootTest, expectDenied, expectOk, principal } from "quater/testing";
import { expect, test } from "vitest";

const greet = handler({
  description: "Greets.",
  effect: "read",
  input: Type.Object({ name: Type.String(), times: withDefault(Type.Integer({ minimum: 1 }), 2) }),
  output: Type.String(),
  auth: anyone,
  handle: ({ name, times }) => name.repeat(times),
});

test("a handler sees the default of an input that the caller omits", async () => {
  await using app = await bootTest({ handlers: { greet } });
  expect(await expectOk(app.as(principal()).call("greet", { name: "a" }))).toBe("aa");
  expect(app.catalog.get("greet")?.input).toMatchObject({ properties: { times: { type: "integer", default: 2 } } });
});

test("a call of an unknown handler is a mistake of the test and no refusal", async () => {
  await using app = await bootTest({ handlers: { greet } });
  const ana = app.as(principal());
  await expect(ana.call("gret" as "greet", { name: "a" })).rejects.toThrow("No handler named gret is exposed");
  await expect(expectDenied(ana.call("gret" as "greet", { name: "a" }))).rejects.toThrow("No handler named gret is exposed");
  await expect(expectDenied(ana.send("gret"))).rejects.toThrow("it failed with unknown_handler");
  await expectDenied(ana.send("gret"), "unknown_handler");
  await expectDenied(ana.send("greet", { name: "a", nam: 1 }), "unknown_field");
});
