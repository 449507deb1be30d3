// What `quater init` writes: seven files, of which the first three are what a newcomer reads.

export interface Project {
  readonly name: string;
  /** `npm run`, `pnpm run`: goes before the name of a script. */
  readonly run: string;
  /** `npx`, `pnpm exec`. */
  readonly exec: string;
}

export interface ProjectFile {
  /** Under the project's folder, with slashes. */
  readonly path: string;
  readonly text: string;
}

export const manifestPath = "quater.config.ts";
/** The rights of the example, in the manifest and in the development key. */
export const exampleScopes: readonly string[] = ["hello"];

/** One handler, its test, and the manifest that exposes it. The manifest comes last: where it is, the others were. */
export const exampleFiles = ({ name }: Project): readonly ProjectFile[] => [
  { path: "app/hello.ts", text: handlerText },
  { path: "test/hello.test.ts", text: testText },
  { path: manifestPath, text: manifestText(name) },
];

/** What any project has. */
export const commonFiles = (project: Project): readonly ProjectFile[] => [
  { path: "tsconfig.json", text: tsconfigText },
  { path: "README.md", text: readmeText(project) },
];

/** Lines of .gitignore. Keys and secrets are among them, so they are added where the file is there already. */
export const ignored: readonly string[] = ["node_modules/", ".quater/", ".env"];

const handlerText = `import { can, handler, Type } from "quater";

export const hello = handler({
  description: "Greet somebody by name.",
  effect: "read",
  input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 50, default: "world" }) }),
  output: Type.Object({ text: Type.String() }),
  auth: can("hello"),
  handle: ({ name }) => ({ text: \`Hello \${name}\` }),
});
`;

const testText = `import assert from "node:assert/strict";
import { test } from "node:test";
import { bootTest, principal } from "quater/testing";
import manifest from "../quater.config.ts";

test("whoever may greet gets a greeting", async () => {
  await using app = await bootTest(manifest, { start: false });
  const outcome = await app.as(principal({ scopes: ["hello"] })).call("hello", { name: "Ana" });
  assert.deepEqual(outcome.ok && outcome.value, { text: "Hello Ana" });
});

test("nobody else does", async () => {
  await using app = await bootTest(manifest, { start: false });
  const outcome = await app.as(principal()).call("hello", { name: "Ana" });
  assert.equal(outcome.ok || outcome.error.code, "missing_scope");
});
`;

const manifestText = (
  name: string,
): string => `// What runs, and who can reach what. Nothing that is not listed here can be called from outside.
import { defineConfig, expose } from "quater";
import { apiKeys, cli, http, localUser, mcp } from "quater/plugins";

export default defineConfig({
  name: "${name}",
  handlers: [
    expose(() => import("./app/hello.ts"), {
      hello: { http: "GET /hello", mcp: true, cli: true },
    }),
  ],
  plugins: [
    http({ port: 3000, authenticate: apiKeys() }),
    mcp({ authenticate: apiKeys() }),
    cli({ authenticate: localUser({ scopes: ["hello"] }) }),
  ],
});
`;

const tsconfigText = `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023", "esnext.disposable"],
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "rewriteRelativeImportExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["app", "test", "quater.config.ts"]
}
`;

const readmeText = ({ name, run, exec }: Project): string => `# ${name}

A backend on [Quater](https://www.npmjs.com/package/quater): one handler in \`app/hello.ts\`, reached over HTTP, as a tool for
agents and from the terminal as \`quater.config.ts\` says.

| command | what it does |
| --- | --- |
| \`${run} dev\` | Serves, restarts when a file changes, prints URLs and lines to paste |
| \`${exec} quater run hello --name Ana\` | Runs the handler from the terminal |
| \`${exec} quater exposure\` | Shows what is reachable, and by whom |
| \`${run} test\` | Runs the tests |
| \`${run} check\`, \`${run} lint\` | Checks types and style |
| \`${run} start\` | Serves for production; callers need a key: \`${exec} quater keys create --name ana --scopes hello\` |

\`.quater/\` holds keys and is not committed.
`;
