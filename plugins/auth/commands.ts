// The commands `quater keys ...`, with which operators create, list, revoke and rotate API keys.

import { isAbsolute, join } from "node:path";
import { cut, visible } from "../../core/diagnostics/text.ts";
import { conflict, invalid, notFound, Type } from "../../core/index.ts";
import { type CommandIo, command, type PluginCommand } from "../../core/plugin-api.ts";
import { defaultKeyFile } from "./api-keys.ts";
import { changeKeyFile, type KeyRecord, newKey, readKeyFile } from "./keyfile.ts";

const kinds = ["user", "service", "agent", "operator"] as const;
const idInput = Type.String({ description: "The id or the name of the key" });
const file = Type.Optional(
  Type.String({ description: `The path of the key file, relative to the project. Default: ${defaultKeyFile}` }),
);

const expires = Type.Optional(
  Type.String({ description: "How long the key is valid: 12h, 30d, 4w. Default: the key does not expire" }),
);

const createInput = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100, description: "The name of the caller that uses the key" }),
  kind: Type.Enum([...kinds], {
    default: "service",
    description: "The kind of caller: user for a script of a person, agent for an AI",
  }),
  person: Type.Optional(
    Type.String({ description: "The person who uses the key, by the name that the app has for this person" }),
  ),
  actsFor: Type.Optional(Type.String({ description: "The person for whom the agent or service works" })),
  scopes: Type.Array(Type.String(), {
    default: [],
    description: "Scopes of the key. Repeat the flag for several: --scopes orders:read",
  }),
  roles: Type.Array(Type.String(), {
    default: [],
    description: "Roles of the key. Repeat the flag for several: --roles support",
  }),
  expires,
  file,
});

/** @param root  The folder of the project. */
export const keyCommands = (root: string): readonly PluginCommand[] => {
  const pathOf = (given: string | undefined) =>
    given !== undefined && isAbsolute(given) ? given : join(root, given ?? defaultKeyFile);
  return [
    command({
      path: ["keys", "create"],
      example: "quater keys create --name ci --scopes orders:read --expires 30d",
      description: "Creates an API key and shows it once.",
      input: createInput,
      run: (input, io) => {
        const made = createKey(pathOf(input.file), input);
        io.say(`Created a key for ${visible(input.name)}. The key is shown only once:`);
        showKey(made, io);
        return 0;
      },
    }),
    command({
      path: ["keys", "list"],
      example: "quater keys list",
      description: "Lists the keys, without their secrets.",
      input: Type.Object({ file }),
      run: (input, io) => {
        const now = new Date();
        io.show(readKeyFile(pathOf(input.file)).map((record) => ({ ...withoutHash(record), state: stateOf(record, now) })));
        return 0;
      },
    }),
    command({
      path: ["keys", "revoke"],
      example: "quater keys revoke ci",
      description: "Revokes a key. Running servers refuse the key within one second.",
      input: Type.Object({ id: idInput, file }),
      positional: ["id"],
      run: (input, io) => {
        const { record, isRepeated } = revokeKey(pathOf(input.file), input.id);
        const named = `${record.id} (${visible(record.name)})`;
        io.say(isRepeated ? `${named} was already revoked at ${record.revokedAt}.` : `Revoked ${named}.`);
        if (io.isJson) io.show(withoutHash(record));
        return 0;
      },
    }),
    command({
      path: ["keys", "rotate"],
      example: "quater keys rotate ci",
      description: "Creates a new key with the rights of an existing key, shows it once, and revokes the existing key.",
      input: Type.Object({ id: idInput, expires, file }),
      positional: ["id"],
      run: (input, io) => {
        const made = rotateKey(pathOf(input.file), input.id, input.expires);
        io.say(`${visible(made.record.name)} has a new key. Quater has revoked the old key, and shows the new key only once:`);
        showKey(made, io);
        return 0;
      },
    }),
  ];
};

interface MadeKey {
  /** The text of the whole API key. The key file does not contain this text. */
  readonly key: string;
  readonly record: KeyRecord;
}

const showKey = ({ key, record }: MadeKey, io: CommandIo): void => {
  if (io.isJson) io.show({ key, ...withoutHash(record) });
  else void io.write(`${key}\n`);
};

export interface KeyRights extends Pick<KeyRecord, "name" | "kind" | "person" | "actsFor" | "scopes" | "roles"> {
  /** The life time of the API key: `12h`, `30d`, `4w`. If `expires` is absent, the key does not expire. */
  readonly expires?: string;
}

/**
 * Creates an API key.
 * @throws {QuaterError} `conflict` when an active API key has the same name; `invalid_input` for a malformed life time.
 */
export const createKey = (path: string, given: KeyRights): MadeKey =>
  changeKeyFile(path, (records) => {
    const now = new Date();
    if (records.some((record) => record.name === given.name && stateOf(record, now) === "active")) {
      conflict(`A key with the name ${cut(visible(given.name))} already exists. Choose another name`);
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
      ...expiry(given.expires, now),
    };
    return { records: [...records, record], result: { key, record } };
  });

/**
 * Revokes an API key.
 *
 * @returns `isRepeated` is true when the API key was already revoked. Revoking a revoked key changes nothing.
 * @throws {QuaterError} `not_found` when no API key has this id or name.
 */
export const revokeKey = (path: string, idOrName: string): { readonly record: KeyRecord; readonly isRepeated: boolean } =>
  changeKeyFile(path, (records) => {
    const now = new Date();
    const named = records.filter(({ id, name }) => id === idOrName || name === idOrName);
    const found = named.find((record) => stateOf(record, now) === "active") ?? named.at(-1) ?? notFound("key", visible(idOrName));
    const isRepeated = found.revokedAt !== undefined;
    const record = isRepeated ? found : { ...found, revokedAt: now.toISOString() };
    return { records: records.map((known) => (known === found ? record : known)), result: { record, isRepeated } };
  });

/**
 * Replaces an API key by a new API key with the same rights.
 *
 * @param expires  The life time of the new key, such as `30d`. Default: the new key expires when the old key would have expired.
 * @throws {QuaterError} `not_found` when no active API key has this id or name.
 */
export const rotateKey = (path: string, idOrName: string, expires?: string): MadeKey =>
  changeKeyFile(path, (records) => {
    const found = living(records, idOrName);
    const { id, key, hash } = newKey();
    const now = new Date();
    const record: KeyRecord = { ...found, id, hash, createdAt: now.toISOString(), ...expiry(expires, now) };
    const rest = records.map((known) => (known === found ? { ...known, revokedAt: now.toISOString() } : known));
    return { records: [...rest, record], result: { key, record } };
  });

const living = (records: readonly KeyRecord[], idOrName: string): KeyRecord => {
  const now = new Date();
  const found = records.find(
    (record) => (record.id === idOrName || record.name === idOrName) && stateOf(record, now) === "active",
  );
  return found ?? notFound("active key", visible(idOrName));
};

const stateOf = (record: KeyRecord, now: Date): "active" | "expired" | "revoked" =>
  record.revokedAt !== undefined ? "revoked" : isExpired(record, now) ? "expired" : "active";

const withoutHash = ({ hash: _, ...shown }: KeyRecord): Omit<KeyRecord, "hash"> => shown;

const expiry = (life: string | undefined, from: Date): { readonly expiresAt?: string } =>
  life === undefined ? {} : { expiresAt: new Date(from.getTime() + lifeMs(life)).toISOString() };

const hourMs = 3_600_000;
const unitMs: Readonly<Record<string, number>> = { h: hourMs, d: 24 * hourMs, w: 7 * 24 * hourMs };

const lifeMs = (text: string): number => {
  const [, count, unit = ""] = /^([1-9][0-9]{0,3})([hdw])$/.exec(text) ?? [];
  return count === undefined
    ? invalid("/expires", "must be a number from 1 to 9999 and a unit, h (hours), d (days) or w (weeks): 12h, 30d, 4w")
    : Number(count) * (unitMs[unit] ?? hourMs);
};

const isExpired = ({ expiresAt }: KeyRecord, now: Date): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime();
