// The first words of the built-in commands. The command of a plugin must not begin with one of these words.

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
