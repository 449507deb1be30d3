// Deletes each folder of plugins/ in turn, in a copy of the sources: types and the remaining tests must stay green. With a folder
// go the folders that import it, their entries in the manifest, in package.json and in the files that gather them, and the tests
// that use them. cli stays, because it is the program.
//
//   node .ci/delete-plugins.mjs [folder...]

import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const copied = [
  "app",
  "core",
  "docs",
  "plugins",
  "test",
  "package.json",
  "quater.config.ts",
  "quater.gate.json",
  "tsconfig.json",
  "vitest.config.ts",
];
/** Keys of the exposure table. */
const keys = { http: ["http", "public"], mcp: ["mcp"], approval: ["approval", "preview"], store: ["lock"] };
/** Together they take seconds, and one at least stands for each plugin. */
const fast = [
  "test/core/architecture.test.ts",
  "test/core/boot.test.ts",
  "test/core/pipeline.test.ts",
  "test/plugins/approval/digest.test.ts",
  "test/plugins/audit/event.test.ts",
  "test/plugins/auth/auth.test.ts",
  "test/plugins/cli/pieces.test.ts",
  "test/plugins/http/guard.test.ts",
  "test/plugins/mcp/strict.test.ts",
  "test/plugins/store/sqlite.test.ts",
];

/** These look at the whole folder of tests, of which parts are deleted here. */
const ofAllTests = "^(?!.*(?:every test kit file has|CONTRIBUTING.md lists))";

const say = (text) => process.stdout.write(`${text}\n`);
const pluginsIn = (folder) =>
  readdirSync(join(folder, "plugins")).filter((name) => existsSync(join(folder, "plugins", name, "index.ts")));
/** Of `apiKeys, type Approvals`. */
const namesIn = (list) =>
  list.split(",").map(
    (each) =>
      each
        .trim()
        .replace(/^type /, "")
        .split(" ")[0],
  );
const sourcesIn = (folder, part) =>
  readdirSync(join(folder, part), { recursive: true, encoding: "utf8" })
    .map((name) => join(part, name))
    .filter((path) => /\.m?ts$/.test(path) && statSync(join(folder, path)).isFile());

/** `{ apiKeys: "auth", approvalsRef: "approval" }`: which plugin exports a name. */
const exported = (() => {
  const found = new Map();
  for (const name of readdirSync(join(root, "plugins"))) {
    const index = join(root, "plugins", name, "index.ts");
    if (!existsSync(index)) continue;
    const text = readFileSync(index, "utf8");
    const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) => namesIn(names));
    const own = [...text.matchAll(/^export (?:const|interface|type) (\w+)/gm)].map(([, own]) => own);
    for (const each of [...lists, ...own]) found.set(each, name);
  }
  return found;
})();

/** What a source imports: paths from the root, and `quater/http`, also where `quater/plugins` or `quater/testing` stands. */
const importsOf = (folder, path) => {
  const text = readFileSync(join(folder, path), "utf8");
  const found = [...text.matchAll(/(?:\bfrom|\bimport\(|^import)\s*"([^"]+)"/gm)].map(([, specifier]) =>
    specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : specifier,
  );
  const named = [...text.matchAll(/import\s*\{([^}]*)\}\s*from\s*"quater\/(?:plugins|testing)"/g)].flatMap(([, names]) =>
    namesIn(names).map((name) => `quater/${exported.get(name)}`),
  );
  return [...found, ...named];
};

/** The plugin, and those that import it, also by way of others. */
const together = (folder, plugin) => {
  const gone = new Set([plugin]);
  const others = pluginsIn(folder).filter((name) => name !== "cli");
  const isNeeding = (name) =>
    sourcesIn(folder, join("plugins", name)).some((path) =>
      importsOf(folder, path).some((target) => [...gone].some((deleted) => target.startsWith(`plugins/${deleted}/`))),
    );
  for (let before = 0; before !== gone.size; ) {
    before = gone.size;
    for (const name of others) if (!gone.has(name) && isNeeding(name)) gone.add(name);
  }
  return [...gone];
};

/** The place behind the bracket that closes the first one after `start`. */
const endOfCall = (text, start) => {
  let depth = 0;
  for (let at = text.indexOf("(", start); at < text.length; at++) {
    if (text[at] === "(") depth++;
    if (text[at] === ")" && --depth === 0) return at + 1;
  }
  throw new Error(`quater.config.ts: ${text.slice(start, start + 40)} has no end`);
};

/** Removes the lines of a plugin's call. */
const withoutCall = (text, name) => {
  const start = text.search(new RegExp(`^ {4}${name}\\(`, "m"));
  return start === -1 ? text : text.slice(0, start) + text.slice(text.indexOf("\n", endOfCall(text, start)) + 1);
};

/** Removes `authenticate: apiKeys()` of each surface, whichever authenticator it names. */
const withoutAuthenticators = (text) => {
  const start = text.indexOf("authenticate: ");
  if (start === -1) return text;
  const rest = text.slice(endOfCall(text, start)).replace(/^,/, "");
  return withoutAuthenticators(text.slice(0, start).replace(/,? $/, "") + rest);
};

const edited = (file, change) => writeFileSync(file, change(readFileSync(file, "utf8")));

const withoutEntries = (folder, gone) => {
  for (const gathering of ["plugins/index.ts", "plugins/testing.ts", "plugins/parts.ts", "plugins/command-groups.ts"])
    edited(join(folder, gathering), (text) =>
      text.replace(new RegExp(`^.*"\\./(?:${gone.join("|")})/[\\w/-]+\\.ts".*\n`, "gm"), ""),
    );
  edited(join(folder, "package.json"), (text) => {
    const { exports, ...others } = JSON.parse(text);
    const isGone = (source = "") => gone.some((name) => source.startsWith(`./plugins/${name}/`)); // `./client` is of http
    const kept = Object.entries(exports).filter(([, entry]) => !isGone(entry["quater-source"]));
    return JSON.stringify({ ...others, exports: Object.fromEntries(kept) }, null, 2);
  });
  edited(join(folder, "quater.config.ts"), (text) => {
    const names = gone.flatMap((name) => (name === "auth" ? ["apiKeys", "firstOf", "localUser"] : [name]));
    if (gone.includes("auth")) text = withoutAuthenticators(text);
    for (const name of names)
      text = withoutCall(text, name).replace(new RegExp(`(?<=^import \\{.*)\\b${name}, |, ${name}(?= \\} from)`, "m"), "");
    for (const name of gone) {
      for (const key of keys[name] ?? [])
        text = text.replace(new RegExp(`\\b${key}: (?:true|"[^"]*"|\\{(?:[^{}]|\\{[^{}]*\\})*\\}),?`, "g"), "");
    }
    return text;
  });
};

/** The tests' shared PostgreSQL belongs to store. */
const withoutSetup = (folder, gone) => {
  if (gone.includes("store"))
    edited(join(folder, "vitest.config.ts"), (text) => text.replace(', "test/plugins/store/shared-postgres.ts"', ""));
};

/** Tests and their kits that use what is gone, or a file that goes. */
const deleteTests = (folder, gone) => {
  const isGone = (target) =>
    gone.some(
      (name) =>
        target.startsWith(`plugins/${name}/`) ||
        target === `quater/${name}` ||
        (target === "quater/client" && name === "http") ||
        target.startsWith(`test/plugins/${name}/`),
    );
  const left = new Map(sourcesIn(folder, "test").map((path) => [path, importsOf(folder, path)]));
  const all = left.size;
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const [path, imports] of left) {
      const usesGone = imports.some((target) => isGone(target) || (target.startsWith("test/") && !left.has(target)));
      if (!isGone(path) && !usesGone) continue;
      left.delete(path);
      rmSync(join(folder, path));
    }
  }
  return all - left.size;
};

/** @returns What the program printed, when it failed. */
const failureOf = (folder, program, args) =>
  new Promise((resolve) => {
    const options = { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 };
    execFile(join(root, "node_modules/.bin", program), args, options, (error, out, err) =>
      resolve(error === null ? undefined : `${out}${err}`.trim().split("\n").slice(-40).join("\n")),
    );
  });

/** @returns Whether types and tests are green without the plugin. */
const isGreenWithout = async (plugin) => {
  const folder = mkdtempSync(join(tmpdir(), "quater-without-"));
  try {
    for (const path of copied) cpSync(join(root, path), join(folder, path), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const gone = together(folder, plugin);
    for (const name of gone) rmSync(join(folder, "plugins", name), { recursive: true });
    withoutEntries(folder, gone);
    withoutSetup(folder, gone);
    const deleted = deleteTests(folder, gone);
    const begin = performance.now();
    const remaining = fast.filter((path) => existsSync(join(folder, path)));
    const types = await failureOf(folder, "tsc", []);
    const tests = types ?? (await failureOf(folder, "vitest", ["run", ...remaining, "--maxWorkers=1", "-t", ofAllTests]));
    const others = gone.filter((name) => name !== plugin);
    const seconds = Math.round((performance.now() - begin) / 1_000);
    const verdict =
      tests === undefined ? `${remaining.length} test files pass` : `${types === undefined ? "tests" : "types"} FAIL`;
    if (tests !== undefined) say(tests);
    say(
      `without ${plugin}${others.length === 0 ? "" : ` and ${others.join(", ")}, which import it`}: ${deleted} test files deleted; ${verdict} (${seconds} s)`,
    );
    return tests === undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const all = pluginsIn(root).filter((name) => name !== "cli");
const given = process.argv.slice(2);
const unknown = given.filter((name) => !all.includes(name));
if (unknown.length > 0) throw new Error(`There is no folder ${unknown.join(", ")}; the folders are ${all.join(", ")}`);

// Two at a time: the compiler and the tests of one plugin use one processor.
const waiting = given.length > 0 ? given : all;
const results = [];
const work = async () => {
  for (let plugin = waiting.shift(); plugin !== undefined; plugin = waiting.shift()) results.push(await isGreenWithout(plugin));
};
await Promise.all([work(), work()]);
process.exitCode = results.every(Boolean) ? 0 : 1;
