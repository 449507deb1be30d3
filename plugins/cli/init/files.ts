// The files that `quater init` writes in addition to the example's files.

import type { Example, Project, ProjectFile } from "./example.ts";

/** Lines of .gitignore. They protect keys and secrets, so they are also added to an existing file. */
export const ignored: readonly string[] = ["node_modules/", ".quater/", ".env"];

export const tsconfig: ProjectFile = {
  path: "tsconfig.json",
  text: `{
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
  }
}
`,
};

/** README.md of a project with the example. */
export const readme = (project: Project, example: Example): ProjectFile => {
  const { name, command } = project;
  const { about, rows, createKey, more } = example.readme(project);
  const text = `# ${name}

A backend on [Quater](https://www.npmjs.com/package/quater): ${about}
as \`quater.config.ts\` says.

| command | what it does |
| --- | --- |
| \`${command("dev")}\` | Serves, restarts when a file changes, prints URLs and lines to paste |
${rows.map(([line, what]) => `| \`${line}\` | ${what} |\n`).join("")}| \`${command("check")}\`, \`${command("lint")}\` | Checks types and style |
| \`${command("start")}\` | Serves for production; callers need a key: \`${createKey}\` |
${more === "" ? "" : `\n${more}`}
\`.quater/\` holds keys and is not committed.
`;
  return { path: "README.md", text };
};
