// What of an error reaches the log: its causes and what the system says of it, and nothing that somebody put on it.

import { anyone, handler, Type } from "quater";

import { errorText } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";

test("the log of a failed call contains the causes of the error, including codes of the operating system", async () => {
  const plan = handler({
    description: "Plans.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    handle: () => {
      const cause = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), {
        code: "ECONNREFUSED",
        errno: -111,
        syscall: "connect",
        address: "127.0.0.1",
        port: 1,
      });
      throw new Error("Could not load the plan", { cause: new TypeError("fetch failed", { cause }) });
    },
  });
  await using app = await bootTest({ handlers: { plan }, expose: { plan: { direct: true } } });
  const outcome = await app.as(principal()).call("plan");
  expect(JSON.stringify(outcome)).not.toContain("ECONNREFUSED");
  const text = String(app.log.find(({ message }) => message === "plan failed")?.fields["error"]);
  expect(text.split("\n").filter((line) => !/^\s+at /.test(line))).toEqual([
    "Error: Could not load the plan",
    "caused by: TypeError: fetch failed",
    "caused by: Error: connect ECONNREFUSED 127.0.0.1:1",
    "    code=ECONNREFUSED errno=-111 syscall=connect address=127.0.0.1 port=1",
  ]);
});

test("the log of a failed call contains every error inside an AggregateError", () => {
  const text = errorText(new AggregateError([new Error("first"), "second"], "none of them"));
  expect(text).toMatch(/^AggregateError: none of them\n.*\none of: Error: first\n.*\none of: second$/s);
});

test("the log of a failed call omits unknown properties of an error", () => {
  const canary = "canary-51c0de";
  const cause = Object.assign(new Error(`Failed to fetch https://${canary}@feed.example/a?token=${canary}&page=2`), {
    code: "23505",
    detail: `Key (email)=(${canary}) already exists.`,
    where: canary,
    query: canary,
    parameters: [canary],
    config: { headers: { authorization: canary } },
    response: { data: canary },
    input: canary,
  });
  const texts = [
    errorText(new Error(`No postgres://shop:${canary}@db.example/shop`, { cause })),
    errorText(new Error("odd", { cause: { password: canary } })),
    errorText({ password: canary }),
    errorText(new Error(`postgres://shop:${canary}/${canary}@db.example`)),
  ];
  expect(texts.filter((text) => text.includes(canary))).toEqual([]);
  expect(texts[0]).toContain("code=23505");
  expect(texts[0]).toContain("https://feed.example/a?token=&page=2");
});

test("a log line has a limited size when the causes of an error are circular, numerous, endless or unprintable", () => {
  const circle = new Error("round");
  circle.cause = circle;
  expect(errorText(circle).match(/round/g)).toHaveLength(1);
  const crowd = new AggregateError(Array.from({ length: 1_000 }, (_, n) => new Error(`part ${n}`)));
  expect(errorText(crowd).match(/one of/g)).toHaveLength(7);
  expect(errorText(new Error("a.".repeat(500_000))).length).toBeLessThan(10_000);
  const mute = Object.defineProperty(new Error("mute"), "stack", {
    get: () => {
      throw new Error("no");
    },
  });
  expect(errorText(mute)).toBe("a value that cannot be converted to text");
});

class Failure {
  code = 5;
}

test.each<[string, unknown, string]>([
  ["an object", { code: 5 }, "an object that is not an Error: code=5"],
  ["an object of a class", new Failure(), "an object that is not an Error: code=5"],
  ["an object without a prototype", Object.assign(Object.create(null), { code: 5 }), "an object that is not an Error: code=5"],
  [
    "an object with a message and more",
    { status: 404, message: "gone", detail: "row 7", config: {} },
    "an object that is not an Error: message=gone status=404, with the fields detail, config",
  ],
  ["an object with none of these", { rows: [] }, "an object that is not an Error, with the fields rows"],
  ["an empty object", {}, "an object that is not an Error"],
  ["a list", [5, 6], "5,6"],
  ["a text", "odd", "odd"],
  ["nothing", undefined, "undefined"],
])("T9: the log describes a thrown value that is not an error: %s", (_name, thrown, text) =>
  expect(errorText(thrown)).toBe(text),
);

test("T9: the log of a call describes an object that the handler of the call throws", async () => {
  const fail = handler({
    description: "Fails.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    handle: () => {
      throw { code: 5 };
    },
  });
  await using app = await bootTest({ handlers: { fail } });
  expect(await app.as(principal()).call("fail")).toMatchObject({ ok: false, error: { code: "internal" } });
  expect(String(app.log.find(({ message }) => message === "fail failed")?.fields["error"])).toContain("code=5");
});
