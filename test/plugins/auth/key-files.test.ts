// Files that decide who is let in: who may own and write them, how they are replaced, and what may stand in them.

import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QuaterError } from "quater";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { readPrivateFile } from "../../../core/boot/private-file.ts";
import { openKeys, readKeys, rotateKeys } from "../../../plugins/audit/log/keys.ts";
import { createKey, revokeKey } from "../../../plugins/auth/commands.ts";
import { developmentKey } from "../../../plugins/auth/development.ts";
import { readKeyFile } from "../../../plugins/auth/keyfile.ts";

const parent = mkdtempSync(join(tmpdir(), "quater-key-files-"));
afterAll(() => rmSync(parent, { recursive: true }));
afterEach(() => {
  delete process.env["QUATER_TRUSTED_OWNERS"];
});
const plain = { kind: "service", scopes: [], roles: [] } as const;
const folder = () => join(mkdtempSync(join(parent, "project-")), ".quater");
const keyFile = () => {
  const file = join(folder(), "keys.json");
  createKey(file, { name: "a", ...plain });
  return file;
};
const refusal = (run: () => unknown): Pick<QuaterError, "message" | "hint"> | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    const { message, hint } = error as QuaterError;
    return { message, ...(hint === undefined ? {} : { hint }) };
  }
};
const changed = (file: string, change: (record: Record<string, unknown>) => void): string => {
  const content = JSON.parse(readFileSync(file, "utf8")) as { keys: Record<string, unknown>[] };
  change(content.keys[0] as Record<string, unknown>);
  writeFileSync(file, JSON.stringify(content));
  return file;
};

describe("S13: Quater checks key files and the folders above key files", () => {
  const readers = [
    ["API keys", "keys.json", (file: string) => createKey(file, { name: "a", ...plain }), readKeyFile],
    ["trail keys", "trail-keys.json", openKeys, readKeys],
  ] as const;

  test.each(readers)("S13: Quater refuses %s in a folder that other users can write", (_, name, make, read) => {
    const file = join(folder(), name);
    make(file);
    chmodSync(join(file, ".."), 0o777);
    expect(refusal(() => read(file))).toEqual({
      message: `${file} is in ${join(file, "..")}, where other users can write (mode 777), so another user could change it`,
      hint: `Run \`chmod go-w ${join(file, "..")}\``,
    });
    chmodSync(join(file, ".."), 0o700);
    expect(refusal(() => read(file))).toBeUndefined();
  });

  test.runIf(process.getuid?.() === 0).each(readers)(
    "S13: Quater refuses %s of another user, unless QUATER_TRUSTED_OWNERS names that user",
    (_, name, make, read) => {
      const file = join(folder(), name);
      make(file);
      chownSync(file, 12_345, 12_345);
      expect(refusal(() => read(file))).toEqual({
        message: `${file} belongs to another user, so another user could change it`,
        hint: `Check the content of ${file}, then run \`chown $(id -u) ${file}\`, or set QUATER_TRUSTED_OWNERS=12345 in the environment`,
      });
      process.env["QUATER_TRUSTED_OWNERS"] = "7, 12345";
      expect(refusal(() => read(file))).toBeUndefined();
      process.env["QUATER_TRUSTED_OWNERS"] = "node";
      expect(refusal(() => read(file))?.message).toContain('QUATER_TRUSTED_OWNERS is "node", which is not a list of user ids');
    },
  );

  test("S13: Quater neither reads nor creates a key file in a folder that other users can write", () => {
    const file = join(folder(), "keys.json");
    mkdirSync(join(file, ".."));
    chmodSync(join(file, ".."), 0o777);
    expect(refusal(() => readKeyFile(file))?.message).toContain(", where other users can write (mode 777)");
    expect(refusal(() => createKey(file, { name: "a", ...plain }))?.message).toContain("other users can write");
  });

  test("S13: a write to a key file follows no symbolic link named keys.json.new of another user", () => {
    const file = keyFile();
    const victim = join(parent, "victim");
    writeFileSync(victim, "untouched");
    for (const planted of [`${file}.new`, join(file, "../trail-keys.json.new")]) symlinkSync(victim, planted);
    createKey(file, { name: "b", ...plain });
    revokeKey(file, "b");
    const trail = join(file, "../trail-keys.json");
    openKeys(trail);
    rotateKeys(trail);
    expect(readFileSync(victim, "utf8")).toBe("untouched");
    expect(lstatSync(file).isFile()).toBe(true);
    expect(readdirSync(join(file, "..")).sort()).toEqual([
      "keys.json",
      "keys.json.lock",
      "keys.json.new",
      "trail-keys.json",
      "trail-keys.json.lock",
      "trail-keys.json.new",
    ]);
  });

  test("S13: Quater checks and replaces a key file behind a symbolic link at the target of the link", () => {
    const file = keyFile();
    const link = join(mkdtempSync(join(parent, "linked-")), "keys.json");
    symlinkSync(file, link);
    createKey(link, { name: "b", ...plain });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readKeyFile(file).map(({ name }) => name)).toEqual(["a", "b"]);
    chmodSync(join(file, ".."), 0o777);
    expect(refusal(() => readKeyFile(link))?.message).toContain(", where other users can write (mode 777)");
  });

  test("S13: quater dev does not write the development key through a symbolic link", () => {
    const root = join(folder(), "..");
    const victim = join(parent, "victim-of-dev");
    writeFileSync(victim, "untouched", { mode: 0o644 });
    mkdirSync(join(root, ".quater"), { mode: 0o700 });
    symlinkSync(victim, join(root, ".quater/development-key"));
    expect(refusal(() => developmentKey(root, { scopes: [], roles: [] }))?.message).toContain("can be read by other users");
    expect(readFileSync(victim, "utf8")).toBe("untouched");
  });

  test("S13: Quater refuses a folder at the path of a key file, and the error names the path", () => {
    const file = join(folder(), "keys.json");
    mkdirSync(file, { recursive: true, mode: 0o700 });
    expect(refusal(() => readPrivateFile(file))?.message).toBe(`${file} is a folder or a device, but must be a file`);
  });

  test.each([
    [
      "expiresAt",
      "31.12.2020",
      'expiresAt: "31.12.2020"',
      "Write the time in the form 2026-12-31T00:00:00Z, or revoke the key and create a new key",
    ],
    [
      "expiresAt",
      "2020-12-31",
      'expiresAt: "2020-12-31"',
      "Write the time in the form 2026-12-31T00:00:00Z, or revoke the key and create a new key",
    ],
    [
      "expiresAt",
      1_609_372_800_000,
      "expiresAt: 1609372800000",
      "Write the time in the form 2026-12-31T00:00:00Z, or revoke the key and create a new key",
    ],
    ["revokedAt", "yes", 'revokedAt: "yes"', "Write the time of the revocation in the form 2026-12-31T00:00:00Z"],
    ["kind", "admin", 'kind: "admin"', "Write one of these values as kind: user, service, agent, operator"],
    ["hash", undefined, "hash", "Remove the record of the key from the file, and create a new key"],
    ["roles", "finance", 'roles: "finance"', "Write roles as a list of strings"],
    ["scopes", [1], "scopes: [1]", "Write scopes as a list of strings"],
    ["person", 7, "person: 7", "Write the name of the person as person, or remove person"],
  ])(
    "S13: Quater refuses an API key record whose %s is %j, and the error names the file, the record and a remedy",
    (field, value, shown, remedy) => {
      const file = changed(keyFile(), (record) => {
        if (value === undefined) delete record[field];
        else record[field] = value;
      });
      const [{ id }] = (JSON.parse(readFileSync(file, "utf8")) as { keys: [{ id: string }] }).keys;
      expect(refusal(() => readKeyFile(file))).toEqual({
        message: `${file}: the key ${id} at /keys/0 has an invalid value for ${shown}`,
        hint: remedy,
      });
    },
  );

  test("S13: Quater refuses an API key record with a misspelt field expiresAt, because the key would never expire", () => {
    const file = changed(keyFile(), (record) => {
      record["expires"] = "2020-12-31T00:00:00Z";
    });
    expect(refusal(() => readKeyFile(file))?.message).toContain('/keys/0 has an unknown field expires: "2020-12-31T00:00:00Z"');
  });

  test("S13: Quater refuses a key file with two records that have the same id", () => {
    const file = keyFile();
    const content = JSON.parse(readFileSync(file, "utf8")) as { keys: object[] };
    writeFileSync(file, JSON.stringify({ ...content, keys: [...content.keys, ...content.keys] }));
    expect(refusal(() => readKeyFile(file))?.hint).toBe("Remove one of the two key records that have this id");
  });

  test.each([
    ["use", "sign", 'the use "sign", which is not one of checkpoint, chain, tag'],
    ["secret", "", "no secret in base64url"],
    ["retiredAt", "31.12.2020", 'retiredAt "31.12.2020", which is not an ISO 8601 instant'],
  ])("S13: Quater refuses a trail key whose %s is %j", (field, value, words) => {
    const file = join(folder(), "trail-keys.json");
    openKeys(file);
    changed(file, (record) => {
      record[field] = value;
    });
    const [{ id }] = (JSON.parse(readFileSync(file, "utf8")) as { keys: [{ id: string }] }).keys;
    expect(refusal(() => readKeys(file))).toEqual({
      message: `${file}: the key ${id} at /keys/0 has ${words}`,
      hint: "Restore the key file from a backup",
    });
  });
});
