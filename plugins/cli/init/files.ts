// What `quater init` writes beside the example: with it, seven files, of which the example's are what a newcomer reads.

import type { Example, Project, ProjectFile } from "./example.ts";

/** What any project has. */
export const commonFiles = (project: Project, example: Example): readonly ProjectFile[] => [
  { path: "tsconfig.json", text: tsconfigText },
  { path: "README.md", text: readmeText(project, example) },
];

/** Lines of .gitignore. Keys and secrets are among them, so they are added where the file is there already. */
export const ignored: readonly string[] = ["node_modules/", ".quater/", ".env"];

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

const readmeText = (project: Project, example: Example): string => {
  const { name, run } = project;
  const { about, rows, createKey, more } = example.readme(project);
  return `# ${name}

A backend on [Quater](https://www.npmjs.com/package/quater): ${about}
as \`quater.config.ts\` says.

| command | what it does |
| --- | --- |
| \`${run} dev\` | Serves, restarts when a file changes, prints URLs and lines to paste |
${rows.map(([command, what]) => `| \`${command}\` | ${what} |\n`).join("")}| \`${run} check\`, \`${run} lint\` | Checks types and style |
| \`${run} start\` | Serves for production; callers need a key: \`${createKey}\` |
${more === "" ? "" : `\n${more}`}
\`.quater/\` holds keys and is not committed.
`;
};
