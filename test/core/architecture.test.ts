// What may import what, read from the import lines. design.md section 2 and style.md say why.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const importsIn = (text: string): string[] => {
  // Only module text counts: an import in a comment or in a template for a user's project is no import.
  const code = text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, "").replace(/`(?:\\.|[^`\\])*`/gs, "``");
  const found = code.matchAll(
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm,
  );
  return [...found].map(([, from, bare, called]) => from ?? bare ?? called ?? "");
};

const sources = (folder: string): Source[] =>
  !existsSync(join(root, folder))
    ? []
    : readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => /\.m?tsx?$/.test(name) && !name.includes("node_modules"))
        .map((name) => {
          const text = readFileSync(join(root, folder, name), "utf8");
          return { path: join(folder, name), text, imports: importsIn(text) };
        });

const core = sources("core");
const plugins = sources("plugins");
const app = sources("app");

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
const isPackage = (specifier: string): boolean => !specifier.startsWith(".") && !specifier.startsWith("node:");
const target = (source: Source, specifier: string): string => relative(root, resolve(root, dirname(source.path), specifier));
/** `path -> import` for every import that is not allowed. */
const breaches = (from: readonly Source[], isAllowed: (specifier: string, source: Source) => boolean): string[] =>
  from.flatMap((source) =>
    source.imports.filter((specifier) => !isAllowed(specifier, source)).map((specifier) => `${source.path} -> ${specifier}`),
  );

test("import lines of every kind are seen, or this file proves nothing", () => {
  const text =
    'import a from "a";\nimport {\n  b,\n} from "b";\nimport "c";\nexport * from "d";\nconst e = await import("e");\nimport type { F } from "f";\n// import "g";\nconst text = `import "h";`;\n';
  expect(importsIn(text)).toEqual(["a", "b", "c", "d", "e", "f"]);
  expect(core.length).toBeGreaterThan(20);
  expect(core.find(({ path }) => path === "core/kernel.ts")?.imports).toContain("./gate.ts");
});

test("core imports Node, TypeBox, canonicalize, cosmiconfig, tsx, regexpp and re2js alone", () => {
  const allowed = new Set(["typebox", "canonicalize", "cosmiconfig", "tsx", "@eslint-community/regexpp", "re2js"]);
  expect(
    breaches(core, (specifier, source) =>
      isPackage(specifier)
        ? allowed.has(packageOf(specifier))
        : specifier.startsWith("node:") || target(source, specifier).startsWith("core/"),
    ),
  ).toEqual([]);
});

test("core imports nothing of its testing kit", () => {
  const kernel = core.filter(({ path }) => !path.startsWith("core/testing/"));
  expect(
    breaches(kernel, (specifier, source) => isPackage(specifier) || !target(source, specifier).startsWith("core/testing")),
  ).toEqual([]);
});

test("handlers stand on Quater's public entries and their own packages", () => {
  const allowed = new Set(["quater", "libsql"]);
  expect(
    breaches(app, (specifier, source) =>
      isPackage(specifier)
        ? allowed.has(packageOf(specifier))
        : specifier.startsWith("node:") || target(source, specifier).startsWith("app/"),
    ),
  ).toEqual([]);
});

test.each(["koa", "mcp", "http", "argv", "stdout"])(
  "the word %s stands nowhere in core and app, but in string literals",
  (word) => {
    const bare = (text: string) => text.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""');
    const lines = [...core.filter(({ path }) => !path.startsWith("core/testing/")), ...app].flatMap(({ path, text }) =>
      bare(text)
        .split("\n")
        .flatMap((line, index) => (line.toLowerCase().includes(word) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
    );
    expect(lines).toEqual([]);
  },
);

describe("plugins", () => {
  /** The program loads the manifest and boots the kernel, which is nobody else's business. */
  // The program boots the kernel, and takes leaves alone where loading all of core would cost a fast start.
  const program = new Set(
    ["kernel", "load", "built", "errors", "error-text", "problem", "text", "bind", "schema", "compile", "operation"].map(
      (name) => `core/${name}.ts`,
    ),
  );
  const folderOf = (path: string) => path.split("/").slice(0, 2).join("/");

  test("reach core by its one door; the program also boots it, and tests have the kit", () => {
    const isDoor = (path: string, source: Source) =>
      path === "core/index.ts" ||
      path.startsWith("core/testing/") ||
      (source.path.startsWith("plugins/cli/") && program.has(path));
    expect(
      breaches(
        plugins,
        (specifier, source) =>
          isPackage(specifier) || !target(source, specifier).startsWith("core/") || isDoor(target(source, specifier), source),
      ),
    ).toEqual([]);
  });

  /** Built-in commands whose subject lives in another folder. */
  const commandsOfTheProgram = new Set([
    "plugins/auth/commands.ts",
    "plugins/auth/development.ts",
    "plugins/approval/gate/suite.ts",
  ]);

  test("reach each other only by service.ts", () => {
    const inFolders = plugins.filter(({ path }) => path.split("/").length > 2); // plugins/index.ts gathers them all
    const isAllowed = (specifier: string, source: Source) => {
      const path = isPackage(specifier) || specifier.startsWith("node:") ? "" : target(source, specifier);
      if (source.path.startsWith("plugins/cli/") && commandsOfTheProgram.has(path)) return true;
      if (source.path === "plugins/cli/boot.ts" && path === "plugins/index.ts") return true; // read early, and not looked into
      return !path.startsWith("plugins/") || folderOf(path) === folderOf(source.path) || path === `${folderOf(path)}/service.ts`;
    };
    expect(breaches(inFolders, isAllowed)).toEqual([]);
  });

  test("import neither the app nor tests", () => {
    expect(
      breaches(
        [...core, ...plugins],
        (specifier, source) => isPackage(specifier) || !/^(?:app|test)\//.test(target(source, specifier)),
      ),
    ).toEqual([]);
  });
});

test.each([
  "koa",
  "@koa/router",
  "@modelcontextprotocol/sdk",
  "clipanion",
  "pino",
  "canonicalize",
  "cosmiconfig",
  "typebox",
  "tsx",
  "@eslint-community/regexpp",
  "re2js",
])("%s is imported in one folder only", (name) => {
  const using = [...core, ...plugins, ...app].filter(({ imports, text }) =>
    imports.some((specifier) => packageOf(specifier) === name && hasValueImport(text, specifier)),
  );
  const folders = new Set(
    using.map(({ path }) => (path.startsWith("plugins/") ? path.split("/").slice(0, 2).join("/") : path.split("/")[0])),
  );
  expect([...folders].length, [...folders].join(", ")).toBeLessThanOrEqual(1);
});

/** A type alone costs nothing at run time: services may speak of another plugin's package. */
function hasValueImport(text: string, specifier: string): boolean {
  const quoted = specifier.replace(/[/.@]/g, "\\$&");
  return (
    !new RegExp(`^import type [^;]*from "${quoted}"`, "m").test(text) ||
    new RegExp(`^import (?!type )[^;]*from "${quoted}"|import\\("${quoted}"\\)`, "m").test(text)
  );
}

test("no file hides a second idea: 350 lines at most, and the pipeline is read on one screen", () => {
  const long = [...core, ...plugins, ...app].filter(({ text }) => text.split("\n").length > 351);
  expect(long.map(({ path }) => path)).toEqual([]);
  const pipeline = core.find(({ path }) => path === "core/pipeline.ts")?.text.split("\n") ?? [];
  expect(pipeline.length).toBeGreaterThan(50);
  expect(pipeline.length).toBeLessThanOrEqual(125);
});
