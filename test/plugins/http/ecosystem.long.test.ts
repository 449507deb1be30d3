// Middleware of the Koa ecosystem: installed, compiled and run as it is.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

test("H2: koa-helmet, koa-compress, koa-session, @koa/multer and koa-static compile and run as mounted middleware", {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "quater-koa-"));
  try {
    cpSync(join(root, "test/plugins/http/ecosystem"), folder, { recursive: true });
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
    symlinkSync(root, join(folder, "node_modules/quater"));
    // One copy of the types, as an installed project has it.
    for (const name of ["koa", "node"]) {
      rmSync(join(folder, "node_modules/@types", name), { recursive: true, force: true });
      symlinkSync(join(root, "node_modules/@types", name), join(folder, "node_modules/@types", name));
    }
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["app.ts"], exclude: [] }),
    );
    const compiled = await run(join(root, "node_modules/.bin/tsc"), ["-p", folder, "--pretty", "false"]).catch((error) => error);
    expect(compiled.stdout).toBe("");
    mkdirSync(join(folder, "public"));
    writeFileSync(join(folder, "public/koa.txt"), "from a file");
    const tsx = join(root, "node_modules/tsx/dist/esm/index.mjs");
    const { stdout } = await run(process.execPath, ["-C", "quater-source", "--import", tsx, "app.ts", "public"], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({
      helmet: { frame: "SAMEORIGIN", sniff: "nosniff" },
      compress: { encoding: "gzip", text: JSON.stringify({ text: "hello ".repeat(100) }) },
      session: [
        { visits: 1, seen: "no" },
        { visits: 2, seen: "yes" },
      ],
      multer: { album: "pets", bytes: 6, name: "cat.png" },
      redirect: { status: 302, location: "/visits" },
      static: { text: "from a file", type: "text/plain; charset=utf-8", status: 200 },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
