// Keys of the exposure table: each is resolved once per handler at boot, and read with its own type.

import { anyone, handler, QuaterError, Type } from "quater";
import { definePlugin, type ExposureKey, exposureKey, type HookChoice, isBootError } from "quater/plugin-api";
import { bootTest, direct, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";

const greet = handler({ description: "Greets.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => "hello" });
const Quota = Type.Object({ perMinute: Type.Integer({ minimum: 1 }) }, { additionalProperties: false });

const bootWith = (key: ExposureKey, greets: Readonly<Record<string, unknown>>, hooks: HookChoice = {}) =>
  bootTest({
    handlers: { greet, other: greet },
    expose: { greet: { direct: true, ...greets }, other: { direct: true } },
    plugins: [direct({ authenticate: tokens({}) }), definePlugin(() => ({ name: "quota", exposure: [key], hooks }))()],
  });

const problemsOf = async (boot: Promise<unknown>): Promise<readonly object[]> => {
  const error = await boot.catch((thrown: unknown) => thrown);
  if (!isBootError(error)) throw error;
  return error.problems;
};

test("resolve of an exposure key runs once per handler that sets the key, and every call reads the same value", async () => {
  const resolved: string[] = [];
  const key = exposureKey("quota", Quota, {
    resolve: ({ perMinute }, { name }) => {
      resolved.push(name);
      return { everyMs: 60_000 / perMinute };
    },
  });
  const seen: unknown[] = [];
  const hooks: HookChoice = (operation) => ({ settled: () => void seen.push(key.of(operation)) });
  await using app = await bootWith(key, { quota: { perMinute: 6 } }, hooks);
  const ana = app.as(principal());
  for (const name of ["greet", "greet", "other"]) await ana.send(name);
  expect(seen).toEqual([{ everyMs: 10_000 }, { everyMs: 10_000 }, undefined]);
  expect(seen[0]).toBe(seen[1]);
  expect(resolved).toEqual(["greet"]);
});

test("a call reads the value of an exposure key unchanged from the manifest when the key has no resolve function", async () => {
  const key = exposureKey("quota", Quota);
  await using app = await bootWith(key, { quota: { perMinute: 6 } });
  expect(key.of(app.catalog.get("greet"))).toEqual({ perMinute: 6 });
});

test.each([
  [
    "an error",
    () => new Error("6 is odd"),
    "The exposure of greet has an invalid quota: 6 is odd",
    "Change the value of quota in the exposure, or correct the plugin that accepts the key quota",
  ],
  [
    "a refusal",
    () => new QuaterError({ code: "odd", kind: "conflict", message: "6 is odd", hint: "Write 8" }),
    "The exposure of greet has an invalid quota: 6 is odd",
    "Write 8",
  ],
])(
  "when the resolve function of an exposure key throws %s, boot reports a problem that names the handler",
  async (_, made, cause, remedy) => {
    const key = exposureKey("quota", Quota, {
      resolve: () => {
        throw made();
      },
    });
    const found = await problemsOf(bootWith(key, { quota: { perMinute: 6 } }));
    expect(found).toEqual([{ place: "quater.config.ts", cause, remedy }]);
  },
);

test("resolve of an exposure key does not run for a value that its schema or its check refuses", async () => {
  const key = exposureKey("quota", Quota, {
    check: ({ perMinute }) => (perMinute === 7 ? [{ cause: "7 is odd", remedy: "Write 8" }] : []),
    resolve: () => {
      throw new Error("must not run");
    },
  });
  expect(await problemsOf(bootWith(key, { quota: { perMinute: 7 } }))).toMatchObject([{ cause: "7 is odd" }]);
  expect(await problemsOf(bootWith(key, { quota: { perMinute: 0 } }))).toMatchObject([
    { cause: "The exposure of greet is invalid: quota.perMinute must be at least 1" },
  ]);
});

test('core recognizes an exposure key for approvals by means: "approval" and not by the name of the key', async () => {
  const named = exposureKey("approval", Type.Boolean());
  await using plain = await bootWith(named, { approval: true });
  expect(plain.catalog.get("greet")?.needsApproval).toBe(false);
  const meant = exposureKey("fourEyes", Type.Boolean(), { means: "approval" });
  await using asked = await bootWith(meant, { fourEyes: true });
  expect(asked.catalog.get("greet")?.needsApproval).toBe(true);
  await using refused = await bootWith(meant, { fourEyes: false });
  expect(refused.catalog.get("greet")?.needsApproval).toBe(false);
});
