// The first words of the built-in commands. A plugin's command must not begin with one of them.

export const builtinWords = [
  "init",
  "run",
  "actions",
  "remote",
  "serve",
  "dev",
  "mcp",
  "build",
  "exposure",
  "explain",
  "who-can",
  "check",
  "openapi",
  "keys",
  "commands",
  "completion",
] as const;

export type BuiltinWord = (typeof builtinWords)[number];
