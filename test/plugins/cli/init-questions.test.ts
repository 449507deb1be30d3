// The questions of `quater init`, answered key by key at a terminal.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runProgram } from "../../../plugins/cli/program/program.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quater-ask-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Each answer is typed once its question is on the screen. */
const converse = async (words: readonly string[], answers: readonly (readonly [question: string, keys: string])[], env = {}) => {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  for (const stream of Object.values(streams)) Object.assign(stream, { isTTY: true, columns: 100, setRawMode: () => stream });
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
  const code = await runProgram({ argv: ["init", ...words], env: { NO_COLOR: "1", ...env }, cwd: folder, ...streams });
  return { code, out, screen, unasked: left.map(([question]) => question) };
};

const enter = "\r";
const down = "\u001b[B";
const nameIn = (path: string) => (JSON.parse(readFileSync(join(folder, path, "package.json"), "utf8")) as { name: string }).name;

test("T1: quater init creates the project in the folder that a person types at the question for the folder", async () => {
  const { code, screen } = await converse(
    [],
    [
      ["In which folder?", `myapp${enter}`],
      ["What is the name of the project?", enter],
      ["Which package manager?", enter],
    ],
  );
  expect([code, nameIn("myapp"), existsSync(join(folder, ".myapp"))]).toEqual([0, "myapp", false]);
  expect(screen).toContain("In which folder? (. is the current folder)");
});

test("T1: after empty answers, quater init uses its suggestions, the current folder and the name of this folder", async () => {
  const { code } = await converse(
    ["--pm", "npm"],
    [
      ["In which folder?", enter],
      ["What is the name of the project?", enter],
    ],
  );
  expect([code, nameIn(".")]).toEqual([0, expect.stringMatching(/^quater-ask-/)]);
});

test("quater init asks three questions, and the default answers are the values that quater init -y uses", async () => {
  const { code, out, unasked } = await converse(
    [],
    [
      ["In which folder?", `shop${enter}`],
      ["What is the name of the project?", enter],
      ["Which package manager?", `${down}${enter}`],
    ],
  );
  expect([code, unasked, nameIn("shop")]).toEqual([0, [], "shop"]);
  expect(out).toContain("  pnpm install\n");
});

test("quater init asks no question for values that its flags contain", async () => {
  const { code, screen } = await converse(["shop", "--name", "orders"], [], { npm_config_user_agent: "npm/11.0.0" });
  expect([code, screen, nameIn("shop")]).toEqual([0, "", "orders"]);
});

test("quater init -y asks no questions on a terminal", async () => {
  expect(await converse(["-y"], [])).toMatchObject({ code: 0, screen: "" });
});

test("quater init refuses an invalid project name and asks for the name again", async () => {
  const { code, screen } = await converse(
    ["shop", "--pm", "npm"],
    [
      ["What is the name of the project?", `!${enter}`],
      ["must begin with a letter", `${"\u007f"}shop${enter}`],
    ],
  );
  expect([code, nameIn("shop")]).toEqual([0, "shop"]);
  expect(screen).toContain("the name must begin with a letter");
});

test("quater init writes no file and exits with 130 when a person presses Ctrl-C at a question", async () => {
  const { code } = await converse(["shop"], [["What is the name of the project?", "\u0003"]]);
  expect([code, existsSync(join(folder, "shop"))]).toEqual([130, false]);
});
