// `quater keys ...`: the key file from the terminal.

import { isAbsolute, join } from "node:path";
import { conflict, type PluginCommand, type Static, Type, visible } from "../../core/index.ts";
import { defaultKeyFile } from "./api-keys.ts";
import { changeKeyFile, type KeyRecord, newKey } from "./keyfile.ts";

const kinds = ["user", "service", "agent", "operator"] as const;
const file = Type.Optional(Type.String({ description: `The key file, under the project's folder. Default ${defaultKeyFile}` }));

const createInput = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100, description: "Who or what the key is for" }),
  kind: Type.Enum([...kinds], { default: "service", description: "What shows it: a person's script is a user, an AI an agent" }),
  person: Type.Optional(Type.String({ description: "The app-wide name of the human who holds it" })),
  actsFor: Type.Optional(Type.String({ description: "The person an agent or service works for" })),
  scopes: Type.Array(Type.String(), { default: [], description: "Repeat for several: --scopes orders:read" }),
  roles: Type.Array(Type.String(), { default: [], description: "Repeat for several: --roles support" }),
  expires: Type.Optional(
    Type.String({ pattern: "^[1-9][0-9]*[hdw]$", description: "Life time: 12h, 30d, 4w. Default: does not expire" }),
  ),
  file,
});

/** @param root  The project's folder. */
export const keyCommands = (root: string): readonly PluginCommand[] => {
  const pathOf = (given: string | undefined) =>
    given !== undefined && isAbsolute(given) ? given : join(root, given ?? defaultKeyFile);
  return [
    {
      path: ["keys", "create"],
      description: "Creates an API key and shows it once.",
      input: createInput,
      run: (input: Static<typeof createInput>, io) => {
        const { key } = createKey(pathOf(input.file), input);
        io.say(`Created a key for ${visible(input.name)}. It is shown this once:`);
        io.write(`${key}\n`);
        return 0;
      },
    },
  ];
};

/** @throws {QuaterError} `conflict` when a living key has the name. */
export const createKey = (
  path: string,
  given: Omit<Static<typeof createInput>, "file">,
): { readonly key: string; readonly record: KeyRecord } =>
  changeKeyFile(path, (records) => {
    const now = new Date();
    if (records.some((record) => record.name === given.name && record.revokedAt === undefined && !isExpired(record, now))) {
      conflict(`There is a key named ${visible(given.name)} already`);
    }
    const { id, key, hash } = newKey();
    const record: KeyRecord = {
      id,
      hash,
      name: given.name,
      kind: given.kind,
      ...(given.person === undefined ? {} : { person: given.person }),
      ...(given.actsFor === undefined ? {} : { actsFor: given.actsFor }),
      scopes: given.scopes,
      roles: given.roles,
      createdAt: now.toISOString(),
      ...(given.expires === undefined ? {} : { expiresAt: new Date(now.getTime() + lifeMs(given.expires)).toISOString() }),
    };
    return { records: [...records, record], result: { key, record } };
  });

const hourMs = 3_600_000;
const unitMs: Readonly<Record<string, number>> = { h: hourMs, d: 24 * hourMs, w: 7 * 24 * hourMs };

const lifeMs = (text: string): number => Number(text.slice(0, -1)) * (unitMs[text.slice(-1)] ?? hourMs);

const isExpired = ({ expiresAt }: KeyRecord, now: Date): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime();
