// Several real processes change one key file at once, and one of them dies while it does.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openKeys, readKeys } from "../../../plugins/audit/log/keys.ts";
import { createKey } from "../../../plugins/auth/commands.ts";
import { readKeyFile } from "../../../plugins/auth/keyfile.ts";
import { type BuiltChild, builtChild } from "../audit/load.ts";

const processes = 4;
const rounds = 25;
const parent = mkdtempSync(join(tmpdir(), "quater-key-lock-"));
const children: ChildProcess[] = [];
let program: BuiltChild;

beforeAll(async () => {
  program = await builtChild("test/plugins/auth/key-lock-child.ts");
  for (let index = 0; index < processes; index++) children.push(await started());
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  program.dispose();
  rmSync(parent, { recursive: true });
});

const started = async (): Promise<ChildProcess> => {
  const child = fork(program.file, { execArgv: [], env: { ...process.env, NODE_OPTIONS: "" } });
  expect(await once(child, "message")).toEqual(["ready", undefined]);
  return child;
};
const told = async (child: ChildProcess, order: object): Promise<string> => {
  const answer = once(child, "message");
  child.send(order);
  return String((await answer)[0]);
};
const newFile = (name = "keys.json") => join(mkdtempSync(join(parent, "project-")), ".quater", name);
const plain = { kind: "service", scopes: [], roles: [] } as const;
const named = (file: string) => new Map(readKeyFile(file).map((record) => [record.name, record]));

/** As a process leaves it that dies while it holds the lock, a minute ago. */
const leaveLock = (file: string) => {
  const minuteAgo = new Date(Date.now() - 60_000);
  writeFileSync(`${file}.lock`, "", { mode: 0o600 });
  utimesSync(`${file}.lock`, minuteAgo, minuteAgo);
};

test("S13: four processes that change a key file with an abandoned lock lose no key and no revocation", async () => {
  const file = newFile();
  for (let child = 0; child < processes; child++) createKey(file, { name: `${child}-0`, ...plain });
  for (let round = 1; round <= rounds; round++) {
    leaveLock(file);
    const answers = await Promise.all(
      children.map(async (child, index) => [
        await told(child, { does: "create", file, name: `${index}-${round}` }),
        await told(child, { does: "revoke", file, name: `${index}-${round - 1}` }),
      ]),
    );
    expect(answers).toEqual(children.map(() => ["done", "done"]));
  }
  const records = named(file);
  const all = children.flatMap((_, child) => Array.from({ length: rounds + 1 }, (_unused, round) => `${child}-${round}`));
  expect([...records.keys()].sort()).toEqual(all.sort());
  const valid = [...records.values()].filter(({ revokedAt }) => revokedAt === undefined).map(({ name }) => name);
  expect(valid.sort()).toEqual(children.map((_, child) => `${child}-${rounds}`));
}, 120_000);

test("S13: when four processes prepare trail keys at the same time, Quater refuses three of the processes", async () => {
  for (let round = 0; round < rounds; round++) {
    const file = newFile("trail-keys.json");
    openKeys(file);
    const answers = await Promise.all(children.map((child) => told(child, { does: "prepare", file })));
    expect(answers.map((answer) => (answer === "done" ? answer : answer.replace(file, "FILE"))).sort()).toEqual([
      ...Array.from({ length: processes - 1 }, () => "FILE already has prepared keys"),
      "done",
    ]);
  }
}, 120_000);

test("S13: the lock of a key file is free after the process that changed the file was killed", async () => {
  const file = newFile();
  createKey(file, { name: "a", ...plain });
  const child = await started();
  expect(await told(child, { does: "hold", file })).toBe("holds");
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  createKey(file, { name: "b", ...plain });
  expect([...named(file).keys()]).toEqual(["a", "b"]);
  expect(readdirSync(dirname(file)).sort()).toEqual(["keys.json", "keys.json.lock"]);
});

test("S13: a change of a key file through a symbolic link uses the lock at the target of the link", () => {
  const file = newFile();
  createKey(file, { name: "a", ...plain });
  const link = join(mkdtempSync(join(parent, "project-")), "keys.json");
  symlinkSync(file, link);
  createKey(link, { name: "b", ...plain });
  expect([...named(file).keys()]).toEqual(["a", "b"]);
  expect(readdirSync(dirname(link))).toEqual(["keys.json"]);
});

/** A link to a file that does not exist yet. */
const newLink = (): { readonly link: string; readonly file: string } => {
  const file = newFile();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const link = join(mkdtempSync(join(parent, "project-")), "keys.json");
  symlinkSync(relative(dirname(link), file), link);
  return { link, file };
};

test("S13: a change of a key file through a symbolic link uses the lock of the target before the target exists", async () => {
  const { link, file } = newLink();
  const child = await started();
  expect(await told(child, { does: "hold", file: link })).toBe("holds");
  expect([readdirSync(dirname(file)), readdirSync(dirname(link))]).toEqual([["keys.json.lock"], ["keys.json"]]);
  child.kill("SIGKILL");
});

test("S13: four processes that create one key file at the same time, two of them through a symbolic link, lose no key", async () => {
  for (let round = 0; round < 5; round++) {
    const { link, file } = newLink();
    const answers = await Promise.all(
      children.map((child, index) => told(child, { does: "create", file: index % 2 === 0 ? link : file, name: `k${index}` })),
    );
    expect(answers).toEqual(children.map(() => "done"));
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect([...named(file).keys()].sort()).toEqual(children.map((_, index) => `k${index}`));
  }
}, 60_000);

test("S13: Quater creates trail keys through a symbolic link whose target does not exist yet", () => {
  const { link, file } = newLink();
  openKeys(link);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readKeys(file).checkpoint.id).toBe(readKeys(link).checkpoint.id);
});

test("S13: Quater resolves a symbolic link to a key file inside a linked folder like the operating system", () => {
  const root = mkdtempSync(join(parent, "linked-"));
  for (const name of ["far/inner", "far/keys"]) mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  symlinkSync(join(root, "far/inner"), join(root, "near"));
  symlinkSync("near/../keys/keys.json", join(root, "keys.json")); // means far/keys/keys.json
  createKey(join(root, "keys.json"), { name: "a", ...plain });
  expect(readdirSync(join(root, "far/keys")).sort()).toEqual(["keys.json", "keys.json.lock"]);
});

test("S13: Quater refuses a symbolic link to a new key file in a folder that other users can write", () => {
  const { link, file } = newLink();
  chmodSync(dirname(file), 0o777);
  expect(() => createKey(link, { name: "a", ...plain })).toThrow("where other users can write (mode 777)");
  expect(() => readKeyFile(link)).toThrow("where other users can write (mode 777)");
  expect(readdirSync(dirname(file))).toEqual([]);
});

test("S13: Quater refuses a symbolic link to a key file that leads to itself, and the error names the link", () => {
  const link = join(mkdtempSync(join(parent, "project-")), "keys.json");
  symlinkSync("keys.json", link);
  expect(() => createKey(link, { name: "a", ...plain })).toThrow(`${link} is a symbolic link that leads to itself`);
  expect(() => readKeyFile(link)).toThrow(`${link} is a symbolic link that leads to itself`);
});

test.each([
  ["a link", (lock: string) => symlinkSync("/etc/passwd", lock)],
  ["another file", (lock: string) => writeFileSync(lock, "not a lock file, but notes about one that somebody keeps here")],
])("S13: Quater refuses and does not change %s at the path of the lock of a key file", (_name, put) => {
  const file = newFile();
  createKey(file, { name: "a", ...plain });
  rmSync(`${file}.lock`, { force: true });
  put(`${file}.lock`);
  expect(() => createKey(file, { name: "b", ...plain })).toThrow(`${file}.lock exists, but is not a lock file`);
  expect([existsSync(`${file}.lock`), [...named(file).keys()]]).toEqual([true, ["a"]]);
});
