// S13: a file is trusted only if no other user could replace it, or a folder or a link on the way to it.

import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { loadManifest } from "../../core/boot/load.ts";
import { distrustOfWay, hasOtherMembers } from "../../core/boot/ownership.ts";
import { readPrivateFile, replacePrivateFile } from "../../core/boot/private-file.ts";
import { type BootError, isBootError } from "../../core/diagnostics/problem.ts";

const parent = mkdtempSync(join(tmpdir(), "quater-ownership-"));
afterAll(() => rmSync(parent, { recursive: true }));
afterEach(() => {
  delete process.env["QUATER_TRUSTED_OWNERS"];
});

/** `outer/shop/.quater/keys.json`, in a new folder that nobody else may write. */
const project = () => {
  const outer = join(mkdtempSync(join(parent, "way-")), "outer");
  const shop = join(outer, "shop");
  mkdirSync(join(shop, ".quater"), { recursive: true, mode: 0o700 });
  const file = join(shop, ".quater/keys.json");
  writeFileSync(file, "{}", { mode: 0o600 });
  writeFileSync(join(shop, "package.json"), "{}");
  writeFileSync(join(shop, "quater.config.ts"), 'import "./a.ts";\nimport "./b.ts";\nexport default {};\n');
  for (const name of ["a.ts", "b.ts"]) writeFileSync(join(shop, name), "export {};\n");
  return { outer, shop, file };
};
const openTo = (mode: number, folder: string): string => {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, mode); // mkdir takes the process's mask away
  return folder;
};
const refusal = (run: () => unknown): [message: string, hint: string | undefined] | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    const { message, hint } = error as Error & { readonly hint?: string };
    return [message, hint];
  }
};

const isRoot = process.getuid?.() === 0;
const otherUser = 12_345;

describe.skipIf(process.getuid === undefined)("S13: Quater checks the symbolic links and folders on the way to a file", () => {
  test("S13: Quater neither reads nor writes a key file below a folder that other users can write", () => {
    const { outer, file } = project();
    expect(readPrivateFile(file)).toBe("{}");
    chmodSync(outer, 0o777);
    const expected = [
      `${file} is in ${outer}, where other users can write (mode 777), so another user could change it`,
      `Run \`chmod go-w ${outer}\``,
    ];
    expect(refusal(() => readPrivateFile(file))).toEqual(expected);
    expect(refusal(() => replacePrivateFile(file, "[]"))).toEqual(expected);
    rmSync(file);
    expect(refusal(() => readPrivateFile(file))).toEqual(expected);
    chmodSync(outer, 0o755);
    expect(readPrivateFile(file)).toBeUndefined();
  });

  test("S13: boot refuses a manifest below a folder that other users can write, and reports the folder once", async () => {
    const { outer, shop } = project();
    chmodSync(outer, 0o777);
    const error = (await loadManifest(shop).catch((thrown: unknown) => thrown)) as BootError;
    expect(isBootError(error)).toBe(true);
    expect(error.problems).toEqual([
      {
        place: "quater.config.ts",
        cause: `This file is in ${outer}, where other users can write (mode 777), so Quater refuses to run the file as code`,
        remedy: `Run \`chmod go-w ${outer}\``,
      },
    ]);
  });

  test("S13: Quater refuses a symbolic link in a folder that other users can write, even when the target is safe", () => {
    const { file, shop } = project();
    const open = openTo(0o777, join(mkdtempSync(join(parent, "links-")), "open"));
    symlinkSync(file, join(open, "keys.json"));
    symlinkSync(shop, join(open, "shop"));
    for (const path of ["keys.json", "shop/.quater/keys.json"])
      expect(refusal(() => readPrivateFile(join(open, path)))?.[0]).toContain(`is in ${open}, where other users can write`);
  });

  test("S13: Quater refuses a chain of symbolic links with one link in a folder that other users can write", () => {
    const { file } = project();
    const safe = mkdtempSync(join(parent, "links-"));
    const open = openTo(0o777, join(safe, "open"));
    symlinkSync(file, join(open, "keys.json"));
    symlinkSync("open/keys.json", join(safe, "second"));
    symlinkSync(join(safe, "second"), join(safe, "first"));
    expect(distrustOfWay(join(safe, "first"))?.what).toContain(`is in ${open}, where`);
    chmodSync(open, 0o755);
    expect(distrustOfWay(join(safe, "first"))).toBeUndefined();
    expect(readPrivateFile(join(safe, "first"))).toBe("{}");
  });

  test("S13: Quater reads `..` after a symbolic link in a path as the parent folder of the target of the link", () => {
    const safe = mkdtempSync(join(parent, "links-"));
    const open = openTo(0o777, join(mkdtempSync(join(parent, "other-")), "open"));
    mkdirSync(join(open, "inner"));
    symlinkSync(join(open, "inner"), join(safe, "inner"));
    symlinkSync("inner/../x", join(safe, "file")); // open/x, where a text would say safe/x
    chmodSync(open, 0o755);
    expect(distrustOfWay(join(safe, "file"))).toBeUndefined();
    chmodSync(open, 0o777);
    expect(distrustOfWay(join(safe, "file"))?.what).toContain(`is in ${open}, where`);
  });

  test("S13: Quater refuses symbolic links that lead to each other in a circle", () => {
    const safe = mkdtempSync(join(parent, "links-"));
    symlinkSync("b", join(safe, "a"));
    symlinkSync("a", join(safe, "b"));
    expect(() => distrustOfWay(join(safe, "a"))).toThrow("ELOOP");
  });

  test.runIf(isRoot)(
    "S13: Quater refuses a file below a folder of another user, unless QUATER_TRUSTED_OWNERS names this user",
    () => {
      const { outer, file } = project();
      chownSync(outer, otherUser, otherUser);
      expect(refusal(() => readPrivateFile(file))).toEqual([
        `${file} is in ${outer}, which belongs to the user ${otherUser}, so another user could change it`,
        `Move the file to a folder of your own, or run \`chown -h $(id -u) ${outer}\`, or set QUATER_TRUSTED_OWNERS=${otherUser} in the environment`,
      ]);
      process.env["QUATER_TRUSTED_OWNERS"] = String(otherUser);
      expect(readPrivateFile(file)).toBe("{}");
    },
  );

  test.runIf(isRoot)("S13: Quater refuses a symbolic link or subfolder of an untrusted owner in a sticky folder", () => {
    const { shop } = project();
    const sticky = openTo(0o1777, join(mkdtempSync(join(parent, "sticky-")), "shared"));
    const [link, folder] = [join(sticky, "link"), join(sticky, "folder")];
    symlinkSync(shop, link);
    mkdirSync(folder);
    expect([link, folder].map((path) => distrustOfWay(join(path, "x")))).toEqual([undefined, undefined]);
    lchownSync(link, otherUser, otherUser);
    chownSync(folder, otherUser, otherUser);
    for (const path of [link, folder])
      expect(distrustOfWay(join(path, "x"))?.what).toBe(`is reached through ${path}, which belongs to the user ${otherUser}`);
  });

  test.runIf(isRoot)("S13: Quater refuses a folder that another group than the own group can write", () => {
    const { outer, file } = project();
    chmodSync(outer, 0o770);
    expect(readPrivateFile(file)).toBe("{}");
    chownSync(outer, 0, otherUser);
    expect(refusal(() => readPrivateFile(file))?.[0]).toContain(`is in ${outer}, where other users can write (mode 770)`);
  });
});

const passwd = [
  "root:x:0:0:root:/root:/bin/sh",
  "operator:x:11:0:operator:/root:/sbin/nologin",
  "ana:x:1000:1000::/home/ana:/bin/sh",
  "bea:x:1001:1001::/home/bea:/bin/sh",
  "cleo:x:1002:100::/home/cleo:/bin/sh",
  "dan:x:1003:100::/home/dan:/bin/sh",
].join("\n");
const group = ["root:x:0:", "ana:x:1000:", "bea:x:1001:bea,ana", "users:x:100:", "ldap:x:1005:eve", "team:x:1006:root"].join(
  "\n",
);

test.each([
  ["a group of the user alone", 1_000, 1_000, false],
  ["a group with another member", 1_001, 1_001, true],
  ["a group that is another user's own, too", 1_002, 100, true],
  ["a group with a member whom /etc/passwd does not list", 1_000, 1_005, true],
  ["a group with root as a member", 1_000, 1_006, false],
  ["the group of root, which old services have, too", 0, 0, false],
  ["the group of root in a container with another user", 1_000_620, 0, false],
  ["a group that is not listed", 1_000, 4_711, false],
])(
  "S13: the ownership check decides about %s: owner %d, user of the process %d, other users can write: %s",
  (_name, uid, gid, isOpen) => expect(hasOtherMembers(gid, passwd, group, (id) => id === 0 || id === uid)).toBe(isOpen),
);
