// M12: every answer has a limit, on every surface.

import { anyone, handler, resource, stream, Type } from "quater";
import { cli } from "quater/cli";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";

const closed: boolean[] = [];
const unit = resource({ name: "unit", scope: "call", open: () => 1, close: (_unit, { failed }) => void closed.push(failed) });
const about = {
  description: "Gives.",
  effect: "read",
  input: Type.Object({ bytes: Type.Integer() }),
  auth: anyone,
  use: { unit },
} as const;
/** A string whose JSON has so many bytes. */
const textOf = (bytes: number) => "x".repeat(bytes - 2);
const handlers = {
  plain: handler({ ...about, handle: ({ bytes }) => textOf(bytes) }),
  list: handler({
    ...about,
    output: Type.Array(Type.Integer()),
    handle: ({ bytes }) => Array.from({ length: (bytes - 1) / 2 }, () => 1),
  }),
  escaped: handler({ ...about, output: Type.String(), handle: ({ bytes }) => "\u0001".repeat(Math.floor(bytes / 6)) }),
  items: handler({
    ...about,
    output: stream(Type.String()),
    async *handle({ bytes }) {
      yield "small";
      yield textOf(bytes);
    },
  }),
};
const names = Object.keys(handlers);

const boot = (maxOutputBytes?: number): Promise<TestApp> => {
  const authenticate = tokens({ ana: principal() });
  const exposure = (name: string) => ({ http: `POST /${name}`, mcp: true, cli: true });
  return bootTest({
    handlers,
    expose: Object.fromEntries(names.map((name) => [name, exposure(name)])),
    plugins: [http({ port: 0, authenticate }), mcp({ authenticate }), cli({ authenticate })],
    ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
  });
};

const ask = (app: TestApp, handler: string, bytes: number) =>
  app.acrossSurfaces({ handler, input: { json: JSON.stringify({ bytes }) }, token: "ana" });
const large = { ok: false, code: "output_too_large" };

test.each(["plain", "list", "escaped"])(
  "M12: every surface answers with an error when an output of %s is larger than maxOutputBytes",
  async (name) => {
    await using app = await boot(10_000);
    closed.splice(0);
    const answers = await ask(app, name, 10_011);
    expect(Object.keys(answers).sort()).toEqual(["cli", "http", "mcp"]);
    for (const answer of Object.values(answers))
      expect(answer).toMatchObject({
        ...large,
        message: `The output of ${name} is larger than 10000 bytes. Request less data in one call`,
      });
    expect(closed).toEqual([true, true, true]); // what the call changed is rolled back
    for (const answer of Object.values(await ask(app, name, 9_983))) expect(answer).toMatchObject({ ok: true });
    expect(app.log.map(({ fields }) => fields["hint"])).toEqual(Array(3).fill(expect.stringContaining("stream(...)")));
  },
);

const post = (app: TestApp, name: string, bytes: number) =>
  fetch(`${app.services.get(httpRef).baseUrl}/${name}`, {
    method: "POST",
    headers: { authorization: "Bearer ana", "content-type": "application/json" },
    body: JSON.stringify({ bytes }),
  });

test("M12: an item of a stream above maxOutputBytes ends the stream with an error on every surface", async () => {
  await using app = await boot(10_000);
  expect(await ask(app, "items", 10_001)).toMatchObject({ cli: large, mcp: large });
  expect(await (await post(app, "items", 10_001)).text()).toMatch(/^"small"\n\{"error":\{.*"code":"output_too_large".*\}\}\n$/);
});

test("M12: the items of a stream that a tool returns together may have at most the size of maxOutputBytes", async () => {
  await using app = await boot(10_000);
  const answers = await ask(app, "items", 9_998);
  expect(answers).toMatchObject({ http: { ok: true }, cli: { ok: true }, mcp: large });
});

test("M12: without the option maxOutputBytes, an output of a handler may have at most 8 MiB", async () => {
  await using app = await boot();
  const most = 8 * 1024 * 1024;
  const status = async (bytes: number) => (await post(app, "plain", bytes)).status;
  expect([await status(most), await status(most + 1), await status(60_000_000)]).toEqual([200, 500, 500]);
});

test.each([0, 1.5, "8", Number.NaN])(
  "M12: boot refuses the manifest option maxOutputBytes with the value %j",
  async (maxOutputBytes) => {
    const { fieldProblems } = await import("../../core/boot/manifest-fields.ts");
    const manifest = { name: "a", handlers: [], plugins: [], maxOutputBytes } as never;
    expect(fieldProblems(manifest, () => "quater.config.ts")).toMatchObject([
      { remedy: "Write a whole number from 1024 to 536870912" },
    ]);
  },
);
