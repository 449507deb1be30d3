// Makes the files that `quater init` writes in addition to the files of the example.

import type { Example, Project, ProjectFile } from "./example.ts";

/** Lines of .gitignore. These lines protect keys and secrets, so `quater init` also adds the lines to an existing .gitignore. */
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

/** Returns the README.md of a project with an example. */
export const readme = (project: Project, example: Example): ProjectFile => {
  const { name, command } = project;
  const { about, rows, createKey, more } = example.readme(project);
  const text = `# ${name}

A backend on [Quater](https://www.npmjs.com/package/quater): ${about}
\`quater.config.ts\` configures it.

| command | what it does |
| --- | --- |
| \`${command("dev")}\` | Serves for development, restarts when a file changes, and prints URLs and example commands |
${rows.map(([line, what]) => `| \`${line}\` | ${what} |\n`).join("")}| \`${command("check")}\`, \`${command("lint")}\` | Checks types and style of the project |
| \`${command("start")}\` | Serves for production. Create a key for each caller: \`${createKey}\` |
${more === "" ? "" : `\n${more}`}
\`.quater/\` contains keys. Do not commit it.
`;
  return { path: "README.md", text };
};
