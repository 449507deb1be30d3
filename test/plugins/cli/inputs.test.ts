// Inputs of actions at the terminal: nested inputs as dotted flags, and questions for missing inputs.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, describe, expect, test } from "vitest";
import { runProgram } from "../../../plugins/cli/program/program.ts";
import { project, quater } from "./kit.ts";

const made = project({
  "handlers.mjs": `
import { anyone, authenticated, can, handler, secret, Type } from "quater";
const parts = { effect: "write", auth: authenticated, handle: (input) => input };
const article = Type.Object({
  title: Type.String({ minLength: 2, description: "The title of the article" }),
  words: Type.Optional(Type.Integer({ minimum: 1 })),
  isDraft: Type.Optional(Type.Boolean()),
  tagList: Type.Optional(Type.Array(Type.String())),
  author: Type.Optional(Type.Object({ userName: Type.String(), address: Type.Optional(Type.Object({ city: Type.String() })) })),
});
export const publish = handler({ ...parts, description: "Publishes an article.", input: Type.Object({ article, "note.text": Type.Optional(Type.String()), note: Type.Optional(Type.Object({ text: Type.Integer() })) }) });
export const order = handler({
  ...parts,
  description: "Orders a thing.",
  input: Type.Object({
    sku: Type.String({ minLength: 3, description: "The number of the thing" }),
    size: Type.Enum(["small", "large"], { description: "The size" }),
    count: Type.Integer({ minimum: 1, maximum: 9 }),
    isGift: Type.Boolean({ description: "Whether to wrap it" }),
    note: Type.Optional(Type.String()),
    color: Type.String({ default: "red" }),
  }),
});
export const pay = handler({ ...parts, description: "Pays.", input: Type.Object({ cents: Type.Integer(), pin: secret(Type.String()) }), handle: ({ cents, pin }) => [cents, pin.length] });
export const locked = handler({ ...parts, description: "Needs a right.", auth: can("rare"), input: Type.Object({ sku: Type.String() }) });
`,
  "quater.config.mjs": `
import { defineConfig, expose } from "quater";
import { cli, localUser } from "quater/plugins";
export default defineConfig({
  name: "made",
  handlers: [expose(() => import("./handlers.mjs"), { publish: { cli: true }, order: { cli: true }, pay: { cli: true }, locked: { cli: true } })],
  plugins: [cli({ authenticate: localUser() })],
});
`,
});
afterAll(() => made.remove());
const run = (words: readonly string[], more = {}) => quater(["run", ...words], { cwd: made.folder, ...more });

describe("quater run reads nested inputs from dotted flags", () => {
  test.each([
    [["--article.title", "Hi there"], { article: { title: "Hi there" } }],
    [["--article.title=Hi", "--article.words", "12"], { article: { title: "Hi", words: 12 } }],
    [["--article.title", "Hi", "--article.is-draft"], { article: { title: "Hi", isDraft: true } }],
    [["--article.title", "Hi", "--no-article.is-draft"], { article: { title: "Hi", isDraft: false } }],
    [["--article.title", "Hi", "--article.isDraft=true"], { article: { title: "Hi", isDraft: true } }],
    [["--article.title", "Hi", "--article.tag-list", "a"], { article: { title: "Hi", tagList: ["a"] } }],
    [["--article.title", "12", "--article.tagList=a", "--article.tagList=b"], { article: { title: "12", tagList: ["a", "b"] } }],
    [["--article.title", "Hi", "--article.author.user-name", "ana"], { article: { title: "Hi", author: { userName: "ana" } } }],
    [
      ["--article.title", "Hi", "--article.author.user-name", "ana", "--article.author.address", '{"city":"Bern"}'],
      { article: { title: "Hi", author: { userName: "ana", address: { city: "Bern" } } } },
    ],
    [["--article", '{"title":"Hi"}', "--note.text", "words"], { article: { title: "Hi" }, "note.text": "words" }],
  ])("quater run converts the dotted flags %j to the input %j", async (flags, expected) => {
    const { code, out, err } = await run(["publish", ...flags]);
    expect([code, err, JSON.parse(out)]).toEqual([0, "", expected]);
  });

  test.each([
    [["--article.title", "x"], "/article/title must be at least 2 characters long (--article.title)"],
    [["--article.words", "3"], "/article/title is required (--article.title)"],
    [["--article.title", "Hi", "--article.words", "many"], "/article/words must be an integer (--article.words)"],
    [["--article.title", "Hi", "--article.title", "Ho"], "/article/title is given more than once (--article.title)"],
    [
      ["--article.title", "Hi", "--article", "{}"],
      "/article is given twice, as a whole and by its fields: send it once (--article)",
    ],
    [
      ["--article", '{"title":"Hi"}', "--article.words", "1"],
      "/article is given twice, as a whole and by its fields: send it once (--article)",
    ],
    [["--article.titel", "Hi"], "/article.titel is not a known field; did you mean --article.title?"],
    [["--article.__proto__.x", "1"], "is not a known field"],
  ])("quater run refuses the dotted flags %j, and the error contains the name of the flag", async (flags, message) => {
    const { code, err } = await run(["publish", ...flags], { isTerminal: true });
    expect([code, err]).toEqual([65, expect.stringContaining(message)]);
  });

  test("the help of an action lists dotted flags, and the usage line contains the required dotted flags", async () => {
    const { out } = await run(["publish", "--help"]);
    expect(out).toContain("Usage  quater run publish --article.title <string> [--article.words <integer>]");
    expect(out).toMatch(/--article <json> +\(required, JSON text, or its fields as flags: --article\.<field>\)/);
    expect(out).toMatch(/--article\.title <string> +The title of the article \(required, at least 2 characters\)/);
    expect(out).toMatch(/--article\.author\.user-name <string>/);
  });
});

test("quater run in a pipe prints one refusal that names all missing flags", async () => {
  const { code, err } = await run(["order", "--count", "2"]);
  expect([code, JSON.parse(err).error.hint]).toEqual([65, "Missing flags: --sku <string> --size small|large --is-gift"]);
  const text = await run(["publish", "--no-json"]);
  expect(text.err).toContain("Missing flags: --article.title <string>\n");
  expect((await run(["order", "--count", "2"], { isTerminal: true })).err).toContain("Missing flags: --sku <string>");
});

/** Runs the program on a terminal. Each answer is typed once its question is on the screen. */
const converse = async (words: readonly string[], answers: readonly (readonly [question: string, keys: string])[]) => {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  for (const stream of Object.values(streams)) Object.assign(stream, { isTTY: true, columns: 200, setRawMode: () => stream });
  const left = [...answers];
  let screen = "";
  let out = "";
  streams.stdout.on("data", (part: Buffer) => {
    out += part.toString();
  });
  streams.stderr.on("data", (part: Buffer) => {
    screen += part.toString();
    const [question, keys] = left[0] ?? [];
    if (question === undefined || !screen.includes(question)) return;
    left.shift();
    setImmediate(() => streams.stdin.write(keys ?? ""));
  });
  const code = await runProgram({ argv: ["run", ...words], env: { NO_COLOR: "1" }, cwd: made.folder, ...streams });
  return { code, out, screen, unasked: left.map(([question]) => question) };
};
const enter = "\r";
const down = "\u001b[B";

describe("quater run asks for missing inputs on a terminal", () => {
  test("quater run asks for missing required inputs with their descriptions, and offers the values of an enum", async () => {
    const { code, out, unasked, screen } = await converse(
      ["order", "--json"],
      [
        ["sku: The number of the thing (required, at least 3 characters)", `a-1${enter}`],
        ["size: The size", `${down}${enter}`],
        ["count: (required, 1 to 9)", `7${enter}`],
        ["isGift: Whether to wrap it", enter],
      ],
    );
    expect([code, unasked]).toEqual([0, []]);
    expect(JSON.parse(out)).toEqual({ sku: "a-1", size: "large", count: 7, isGift: true, color: "red" });
    expect(screen).not.toContain("color");
  });

  test("quater run refuses a wrong answer with the error message of the call, and asks for the input again", async () => {
    const { code, screen, out } = await converse(
      ["order", "--sku", "a-1", "--size", "small", "--is-gift", "--json"],
      [
        ["count:", `70${enter}`],
        ["must be at most 9", `\u007f\u007f7${enter}`],
      ],
    );
    expect([code, JSON.parse(out).count]).toEqual([0, 7]);
    expect(screen).toContain("must be at most 9");
  });

  test("quater run asks for nested required inputs by their dotted names", async () => {
    const { code, out } = await converse(["publish", "--json"], [["article.title: The title", `Hello${enter}`]]);
    expect([code, JSON.parse(out)]).toEqual([0, { article: { title: "Hello" } }]);
  });

  test("quater run asks for a secret input and does not show the typed text", async () => {
    const { code, out, screen } = await converse(["pay", "--cents", "5", "--json"], [["pin (not shown): ", `12345${enter}`]]);
    expect([code, JSON.parse(out)]).toEqual([0, [5, 5]]);
    expect(screen).not.toContain("12345");
  });

  test("quater run does not call the handler and exits with 130 when a person presses Ctrl-C at a question", async () => {
    const { code, out } = await converse(["order"], [["sku:", "\u0003"]]);
    expect([code, out]).toEqual([130, ""]);
  });

  test("quater run asks no questions with --input, and asks a caller who may not run the action nothing", async () => {
    mkdirSync(join(made.folder, "inputs"), { recursive: true });
    writeFileSync(join(made.folder, "inputs/a.json"), "{}");
    expect(await converse(["order", "--input", "inputs/a.json"], [])).toMatchObject({ code: 65, unasked: [] });
    const { code, screen } = await converse(["locked"], []);
    expect([code, screen]).toEqual([77, expect.stringContaining("missing_scope")]);
  });
});
