// Files as inputs, at the terminal.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { anyone, file, handler, Type } from "quater";
import { cli } from "quater/cli";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { fixture, quater } from "./kit.ts";

const run = (...words: string[]) => quater(["run", "addSheet", ...words], { cwd: fixture("sheets") });

test("quater run reads the content of a file input from the path after @", async () => {
  const { code, out } = await run("--sheet", "@files/a.csv");
  expect({ code, out: JSON.parse(out) as unknown }).toEqual({
    code: 0,
    out: [{ name: "a.csv", mediaType: "text/csv", text: "a,1\n" }],
  });
});

test("quater run reads a list of file inputs from a repeated flag", async () => {
  const { out } = await run("--sheet", "@files/a.csv", "--more", "@files/a.csv", "--more=@files/b.csv");
  expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).toEqual(["a.csv", "a.csv", "b.csv"]);
});

test.each([
  ["no @", ["--sheet", "files/a.csv"], "at the terminal write @ followed by the path of the file"],
  ["no such file", ["--sheet", "@files/c.csv"], "which does not exist"],
  ["a folder", ["--sheet", "@files"], "which is not a file"],
  ["another type", ["--sheet", "@manifest.ts"], "send a file of the type text/csv"],
])("quater run exits with 65 for a flag of a file input with %s", async (_, words, told) => {
  const { code, err } = await run(...words);
  expect({ code, err }).toEqual({ code: 65, err: expect.stringContaining(told) });
});

test("quater run writes a file output unchanged to a pipe, and refuses to write a file output to a terminal", async () => {
  const words = ["run", "getSheet", "--name", "a.csv"];
  expect(await quater(words, { cwd: fixture("sheets") })).toEqual({ code: 0, out: "a,1\n", err: "" });
  const { code, err } = await quater(words, { cwd: fixture("sheets"), isTerminal: true });
  expect({ code, err }).toEqual({ code: 64, err: expect.stringContaining("Write the file with --output FILE") });
  const file = join(mkdtempSync(join(tmpdir(), "quater-sheet-")), "a.csv");
  expect(await quater([...words, "--output", file], { cwd: fixture("sheets"), isTerminal: true })).toMatchObject({
    code: 0,
    out: "",
  });
  expect(readFileSync(file, "utf8")).toBe("a,1\n");
  rmSync(dirname(file), { recursive: true });
});

test("the help of an action with a file input shows how to pass a file to quater run", async () => {
  const { out } = await run("--help");
  expect(out).toContain("--sheet <@path>");
  expect(out).toContain("Rows to add");
});

test("the probe of the cli surface sends file inputs to the handler", async () => {
  const addSheet = handler({
    description: "Adds a sheet.",
    effect: "write",
    input: Type.Object({ sheet: file({ maxBytes: 100, mediaTypes: ["text/csv"] }) }),
    auth: anyone,
    handle: ({ sheet }) => sheet.bytes,
  });
  await using app = await bootTest({
    handlers: { addSheet },
    expose: { addSheet: { cli: true } },
    plugins: [cli({ authenticate: tokens({ ana: principal() }) })],
  });
  const sheet = { name: "a.csv", mediaType: "text/csv", base64: Buffer.from("a,1").toString("base64") };
  const seen = await app.acrossSurfaces({ handler: "addSheet", input: { json: JSON.stringify({ sheet }) }, token: "ana" });
  expect(seen).toEqual({ cli: { ok: true, value: 3 } });
});
