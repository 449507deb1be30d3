import { anyone, can, conflict, handler, notFound, Type } from "quater";
import { definePlugin } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";

const greet = handler({
  description: "Greets somebody.",
  effect: "read",
  input: Type.Object({ name: Type.String({ maxLength: 20 }), times: Type.Integer({ default: 1, minimum: 1 }) }),
  output: Type.Object({ text: Type.String() }),
  auth: anyone,
  handle: ({ name, times }) => ({ text: `Hello ${name}`.repeat(times) }),
});

test("the pipeline binds the input of a call, checks the policy, runs the handler and checks the output", async () => {
  await using app = await bootTest({ handlers: { greet } });
  expect(await app.as(principal()).send("greet", { name: "Ana" })).toMatchObject({ ok: true, value: { text: "Hello Ana" } });
  expect(await app.as(principal()).send("greet", { name: 5, nam: "x" })).toMatchObject({
    ok: false,
    error: {
      code: "invalid_input",
      errors: [
        { path: "/nam", message: 'is not a known field; did you mean "name"?' },
        { path: "/name", message: "must be a string" },
      ],
    },
  });
});

test("a text with a pattern may have 1,000 characters in an input, and any length in an output", async () => {
  const Words = Type.Object({ t: Type.String({ pattern: "^[a-z ]+$" }) });
  const twice = handler({
    description: "Says it twice.",
    effect: "read",
    input: Words,
    output: Type.Object({ whole: Words }),
    auth: anyone,
    handle: ({ t }) => ({ whole: { t: t + t } }),
  });
  await using app = await bootTest({ handlers: { twice } });
  const call = (length: number) => app.as(principal()).call("twice", { t: "a".repeat(length) });
  expect(await call(600)).toMatchObject({ ok: true, value: { whole: { t: "a".repeat(1_200) } } });
  expect(await call(1_001)).toMatchObject({
    ok: false,
    error: { message: "/t must be at most 1000 characters long" },
  });
  expect(app.catalog.get("twice")?.input).toMatchObject({ properties: { t: { maxLength: 1_000 } } });
});

test("the handler does not run for a call that its policy refuses", async () => {
  const handled: unknown[] = [];
  const sendPayment = handler({
    description: "Pays.",
    effect: "write",
    input: Type.Object({ cents: Type.Integer() }),
    auth: can("pay"),
    handle: (input) => handled.push(input),
  });
  const refuse = definePlugin({ reason: Type.String() }, ({ reason }) => ({
    name: "refuse",
    hooks: { approve: () => ({ allow: false as const, by: "refuse", reason }) },
  }));
  await using app = await bootTest({ handlers: { sendPayment }, plugins: [refuse({ reason: "over the daily limit" })] });
  expect(await app.as(principal({ scopes: ["pay"] })).call("sendPayment", { cents: 500 })).toMatchObject({
    ok: false,
    error: { code: "approval_refused" },
  });
  expect(await app.as(principal()).call("sendPayment", { cents: 500 })).toMatchObject({
    ok: false,
    error: { code: "missing_scope" },
  });
  expect(handled).toEqual([]);
});

test("a caller gets the text of a QuaterError that a handler throws, but not the text of other errors", async () => {
  const find = handler({
    description: "Finds.",
    effect: "read",
    input: Type.Object({ id: Type.String() }),
    auth: anyone,
    handle: ({ id }) => (id === "boom" ? JSON.parse("{secret") : notFound("order", id)),
  });
  await using app = await bootTest({ handlers: { find } });
  expect(await app.as(principal()).call("find", { id: "o1" })).toMatchObject({
    ok: false,
    error: { code: "not_found", message: 'order "o1" was not found' },
  });
  const failed = await app.as(principal()).call("find", { id: "boom" });
  expect(failed).toMatchObject({ ok: false, error: { code: "internal" } });
  expect(JSON.stringify(failed.ok ? "" : failed.error.message)).not.toContain("secret");
});

test.each([
  ["not_found", "The error code not_found of Quater has the kind not_found, not conflict. Choose another code"],
  ["Not A Code!", 'The error code "Not A Code!" is not valid. Use a code such as order_not_paid'],
])(
  "conflict() with the reserved code %s ends the call with internal, and the log contains the reason",
  async (code, sentence) => {
    const fail = handler({
      description: "Fails.",
      effect: "read",
      input: Type.Object({}),
      auth: anyone,
      handle: () => conflict("no", { code }),
    });
    await using app = await bootTest({ handlers: { fail } });
    expect(await app.as(principal()).call("fail")).toMatchObject({ ok: false, error: { code: "internal" } });
    expect(app.log.map(({ fields }) => String(fields?.["error"])).join()).toContain(sentence);
  },
);

test("a caller gets the error code that a handler throws if the code belongs to the app or has the same kind", async () => {
  const fail = handler({
    description: "Fails.",
    effect: "read",
    input: Type.Object({ code: Type.String() }),
    auth: anyone,
    handle: ({ code }) => conflict("no", { code }),
  });
  await using app = await bootTest({ handlers: { fail } });
  for (const code of ["order_not_paid", "conflict", "v2_gone"])
    expect(await app.as(principal()).call("fail", { code })).toMatchObject({ error: { code, kind: "conflict" } });
});

test("a plugin cannot change the fields of the call object in its hooks", async () => {
  const whoami = handler({
    description: "Who calls, with what.",
    effect: "read",
    input: Type.Object({ name: Type.String() }),
    auth: anyone,
    handle: ({ name }, { principal: who }) => `${who.subject}: ${name}`,
  });
  const attempts: readonly ((call: object) => unknown)[] = [
    (call) => Object.assign(call, { principal: principal({ subject: "root" }) }),
    (call) => Object.assign(call, { input: { name: "other" } }),
    (call) => Object.defineProperty(call, "principal", { value: principal({ subject: "root" }) }),
    (call) => Object.defineProperty(call, "input", { get: () => ({ name: "other" }) }),
    (call) => Object.setPrototypeOf(call, { principal: principal({ subject: "root" }) }),
  ];
  let failed = 0;
  const meddle = definePlugin(() => ({
    name: "meddle",
    hooks: {
      authorize: (call) => {
        for (const attempt of attempts) {
          try {
            attempt(call);
          } catch {
            failed++;
          }
        }
        return { allow: true as const, by: JSON.stringify(call) };
      },
    },
  }));
  await using app = await bootTest({ handlers: { whoami }, plugins: [meddle()] });
  const outcome = await app.as(principal()).call("whoami", { name: "x" });
  expect([outcome.ok && outcome.value, failed]).toEqual(["ana: x", attempts.length]);
});

test("a call object that is logged shows the call id but not the input", async () => {
  const logged: unknown[] = [];
  const note = definePlugin(() => ({
    name: "note",
    hooks: { settled: (call) => void logged.push(JSON.parse(JSON.stringify(call))) },
  }));
  await using app = await bootTest({ handlers: { greet }, plugins: [note()] });
  const { callId } = await app.as(principal()).send("greet", { name: "Ana" });
  expect(logged).toEqual([{ callId, surface: "direct", handler: "greet", stage: "approved" }]);
});
