// The output of `quater run` for people, pipes and files.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { progressLine } from "../../../plugins/cli/output/progress.ts";
import { renderValue } from "../../../plugins/cli/output/tables.ts";
import { widthOf } from "../../../plugins/cli/output/width.ts";
import { quater as program, project, type Typed } from "./kit.ts";

const hostile = "a\u001b[31m\u009b31m\u202eb\u2066\u0007";

const { folder, remove } = project({
  "quater.config.mjs": `import { appendFileSync } from "node:fs";
import { anyone, defineConfig, expose, handler, invalid, stream, Type } from "quater";
import { cli, localUser } from "quater/plugins";
const hostile = ${JSON.stringify(hostile)};
const ran = (name) => appendFileSync(new URL("./ran.txt", import.meta.url), name + "\\n");
const orders = [
  { id: "ord_1", customer: { name: "\u65e5\u672c\u8a9e", city: "Oslo" }, note: "x".repeat(200), tags: ["a", "b"] },
  { id: "ord_2", customer: { name: "Ana", city: "Rome" }, note: "short", tags: [] },
];
const read = { input: Type.Object({}), auth: anyone, effect: "read", description: "Reads." };
const until = (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
const all = {
  list: handler({ ...read, output: Type.Array(Type.Any()), handle: () => orders }),
  show: handler({ ...read, output: Type.Any(), handle: () => ({ ...orders[1], lines: [{ sku: "s1", count: 2 }] }) }),
  hostile: handler({ ...read, output: Type.Any(), handle: () => [{ [hostile]: hostile }] }),
  items: handler({ ...read, output: stream(Type.Any()), async *handle() { yield { a: { b: 1 }, text: hostile }; yield { a: { b: 2 } }; } }),
  slow: handler({ ...read, output: Type.Any(), handle: (_, { progress }) => { progress(0.25, hostile); return "done"; } }),
  write: handler({ ...read, effect: "write", output: Type.Any(), handle: () => { ran("write"); return { ok: true }; } }),
  fails: handler({ ...read, output: Type.Any(), handle: () => invalid("/x", "is wrong") }),
  early: handler({ ...read, effect: "write", auth: () => { globalThis.quaterInterrupt?.(); return true; }, output: Type.Any(), handle: () => ran("early") }),
  waitRead: handler({ ...read, output: Type.Any(), handle: (_, { signal, progress }) => { progress(0.5); return until(signal); } }),
  waitWrite: handler({ ...read, effect: "write", output: Type.Any(), handle: (_, { signal, progress }) => { progress(0.5); return until(signal); } }),
};
export default defineConfig({
  name: "things",
  handlers: [expose(async () => all, Object.fromEntries(Object.keys(all).map((name) => [name, { cli: true }])))],
  plugins: [cli({ authenticate: localUser({ person: "ana" }) })],
});
`,
});
afterAll(remove);
const quater = (words: string, typed: Typed = {}) => program(words.split(" "), { cwd: folder, ...typed });
const plain = (_: string, text: string) => text;
const person = { isTerminal: true } as const;

test("a table that quater prints is not wider than the terminal, and marks the longest cells that it cuts", async () => {
  const { out } = await quater("run list", { ...person, columns: 60 });
  const lines = out.trimEnd().split("\n");
  expect(lines).toEqual([
    "id     customer                note                    tags",
    'ord_1  {"name":"日本語","cit…  xxxxxxxxxxxxxxxxxxxxx…  a, b',
    'ord_2  {"name":"Ana","city":…  short                   -',
  ]);
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(60);
  const start = (line = "") => widthOf(line.slice(0, Math.max(line.indexOf("xxx"), line.indexOf("short"))));
  expect(start(lines[1])).toBe(start(lines[2]));
  expect(widthOf("日本語")).toBe(6);
  expect(widthOf("e\u0301")).toBe(1);
});

test("quater prints a list as names and values if a table of the list would have too narrow columns", () => {
  const wide = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`field${at}`, "some words here"]));
  expect(renderValue([wide, wide], 60, plain)).toBe(
    `${[0, 1]
      .map(() =>
        Object.keys(wide)
          .map((name) => `${name}  some words here\n`)
          .join(""),
      )
      .join("\n")}`,
  );
});

test("quater prints an object as names and values, with nested names and a table for a list of objects", async () => {
  const { out } = await quater("run show", person);
  expect(out).toBe(`id             ord_2
customer.name  Ana
customer.city  Rome
note           short
tags           -
lines
  sku  count
  s1   2
`);
});

test("quater shows control characters and changes of direction in values as escapes, on a terminal and in a pipe", async () => {
  for (const action of ["hostile", "items", "slow"])
    for (const typed of [person, {}, { ...person, env: { NO_COLOR: "" } }] as const) {
      const { out, err } = await quater(`run ${action}`, typed);
      const own = err.replaceAll("\r\u001b[2K", "");
      const styled = ["1", "2", "22"].reduce((text, style) => text.replaceAll(`\u001b[${style}m`, ""), out);
      expect(`${styled}${own}`, action).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
      if ("isTerminal" in typed) continue;
      expect(out).toContain(action === "slow" ? '"done"' : "\\u202e");
      expect(JSON.stringify(JSON.parse(out.split("\n")[0] ?? ""))).toContain(action === "slow" ? "done" : "\u202e");
    }
  expect((await quater("run hostile", { ...person, env: { NO_COLOR: "1" } })).out).not.toContain("\u001b");
  expect((await quater("run hostile", { ...person, env: { NO_COLOR: "" } })).out).toContain("\u001b[1m");
});

test("quater run --columns selects fields, nested fields and fields of stream items, and names a missing column", async () => {
  expect((await quater("run list --columns id,customer.city", person)).out).toBe(
    "id     customer.city\nord_1  Oslo\nord_2  Rome\n",
  );
  expect(JSON.parse((await quater("run list --columns customer.name,id")).out)).toEqual([
    { "customer.name": "日本語", id: "ord_1" },
    { "customer.name": "Ana", id: "ord_2" },
  ]);
  expect((await quater("run items --columns a.b")).out).toBe('{"a.b":1}\n{"a.b":2}\n');
  const missing = await quater("run list --columns id,customer.nme", person);
  expect([missing.code, missing.err]).toEqual([
    0,
    "The result has no column customer.nme. Its fields are id, customer, note, tags\n",
  ]);
  expect(await quater("run list --columns id,,x", person)).toMatchObject({ code: 64 });
  expect(await quater("run list --columns", person)).toMatchObject({ code: 64 });
});

test("quater run --output writes the result to a private file, and a failed call does not change the file", async () => {
  const file = join(folder, "result.json");
  const seen = await quater(`run list --output ${file}`, person);
  expect(seen).toEqual({ code: 0, out: "", err: "" });
  expect(JSON.parse(readFileSync(file, "utf8"))).toHaveLength(2);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await quater("run items --output items.jsonl --columns a.b");
  expect(readFileSync(join(folder, "items.jsonl"), "utf8")).toBe('{"a.b":1}\n{"a.b":2}\n');
  // An existing file is replaced, and keeps its mode. A link stays.
  writeFileSync(join(folder, "old.json"), "old", { mode: 0o640 });
  symlinkSync("old.json", join(folder, "link.json"));
  expect((await quater("run fails --output link.json")).code).toBe(65);
  expect(readFileSync(join(folder, "old.json"), "utf8")).toBe("old");
  expect((await quater("run write --output=link.json")).code).toBe(0);
  expect(readFileSync(join(folder, "old.json"), "utf8")).toBe('{"ok":true}\n');
  expect(statSync(join(folder, "old.json")).mode & 0o777).toBe(0o640);
  expect(readFileSync(join(folder, "link.json"), "utf8")).toBe('{"ok":true}\n');
  expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
});

test("quater run --output refuses an unwritable file before the handler runs, and writes the result into a pipe", async () => {
  const ran = () => readFileSync(join(folder, "ran.txt"), "utf8").length;
  const before = ran();
  expect(await quater("run write --output nowhere/result.json")).toMatchObject({
    code: 64,
    err: 'quater: --output names "nowhere/result.json", which cannot be written (ENOENT)\n',
  });
  expect((await quater("run write --output .")).code).toBe(64);
  expect(ran()).toBe(before);
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const [text, { code }] = await Promise.all([readFile(pipe, "utf8"), quater(`run write --output ${pipe}`)]);
  expect([code, text]).toEqual([0, '{"ok":true}\n']);
  expect(statSync(pipe).isFIFO()).toBe(true);
});

test("a long command of quater shows a progress bar on standard error, but only on a terminal", async () => {
  expect((await quater("run slow", person)).err).toContain("\r\u001b[2K[#####...............] 25% a\\u{1b}[31m");
  expect((await quater("run slow --json", person)).err).toContain("25%");
  expect((await quater("run slow")).err).toBe("");
  for (const columns of [1, 20, 50])
    expect(widthOf(progressLine(2, "日本語".repeat(20), columns))).toBeLessThanOrEqual(Math.max(1, columns - 1));
  expect(progressLine(0.999, undefined, 80)).toBe("[###################.] 100%");
});

test.each([
  ["waitRead", "The handler waitRead had begun, but it only reads, so the call changed nothing"],
  [
    "waitWrite",
    "The handler waitWrite had begun, so the call may have done a part of its work. Find out before you repeat the call",
  ],
])("Ctrl-C during %s cancels the call, and quater prints what is known about the outcome of the call", async (action, known) => {
  const interrupt = new AbortController();
  const onError = (text: string) => text.includes("50%") && interrupt.abort("SIGINT");
  const { code, err } = await quater(`run ${action}`, { ...person, interrupt: interrupt.signal, onError });
  expect(code).toBe(130);
  expect(err).toMatch(/Cancelling the call [0-9a-f-]{36}\. After another Ctrl-C, the program ends at once/);
  expect(err).toContain(`cancelled: The caller cancelled the call\n  ${known}\n`);
});

test("after Ctrl-C before the handler begins, quater prints that the call changed nothing", async () => {
  const ran = readFileSync(join(folder, "ran.txt"), "utf8");
  const interrupt = new AbortController();
  const interruptible = globalThis as { quaterInterrupt?: () => void };
  interruptible.quaterInterrupt = () => interrupt.abort("SIGINT");
  const { code, err } = await quater("run early", { interrupt: interrupt.signal });
  delete interruptible.quaterInterrupt;
  expect([code, JSON.parse(err).error]).toMatchObject([
    130,
    { code: "cancelled", hint: "The handler early did not begin, so the call changed nothing" },
  ]);
  expect(readFileSync(join(folder, "ran.txt"), "utf8")).toBe(ran);
});
