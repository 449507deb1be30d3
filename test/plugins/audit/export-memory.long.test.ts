import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { builtProgram } from "../../built.ts";
import { fillTrail } from "../../soak/verify.ts";
import { builtProject } from "../cli/kit.ts";

const events = 272_000;

test("O6: audit export of 272,000 events runs with 40 MB of memory for objects, and the export verifies", async () => {
  const { folder, remove } = builtProject({
    "quater.config.mjs": `import { defineConfig } from "quater";
import { audit, cli, localUser, store } from "quater/plugins";
export default defineConfig({
  name: "test",
  handlers: [],
  plugins: [cli({ authenticate: localUser({ person: "ana" }) }), store({ url: "file:trail.db" }), audit({ keys: "trail-keys.json" })],
});
`,
  });
  try {
    await fillTrail(folder, events);
    const file = join(folder, "trail.jsonl");
    const run = async (...words: readonly string[]) => {
      const options = { cwd: folder, env: { ...process.env, NODE_OPTIONS: "--max-old-space-size=40" } };
      const child = spawn(process.execPath, [builtProgram(), "audit", ...words], {
        ...options,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const written = createWriteStream(words[0] === "export" ? file : join(folder, "report.json"));
      child.stdout.pipe(written);
      const [[code]] = (await Promise.all([once(child, "close"), once(written, "close")])) as [[number], unknown];
      return code;
    };
    expect(await run("export")).toBe(0);
    let lines = 0;
    for await (const _ of createInterface({ input: createReadStream(file) })) lines++;
    expect(lines).toBeGreaterThan(events);
    expect(await run("verify", "--file", file)).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    remove();
  }
});
