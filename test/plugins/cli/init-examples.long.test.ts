// The examples of `quater init`: each compiles, passes its own tests and lint, and runs the commands of its README.

import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { examples } from "../../../plugins/cli/init/examples.ts";
import { linkQuater } from "../../built.ts";
import { emptyFolder } from "./init-folder.ts";
import { quater } from "./kit.ts";

const { inside, init, read } = emptyFolder();
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** Links the packages that package.json names. Quater is the checkout. */
const install = () => {
  linkQuater(inside());
  for (const name of ["@biomejs", "@types", "tsx", "typescript"])
    symlinkSync(join(modules, name), inside("node_modules", name), "dir");
};

const shell = (line: string): { readonly code: number | null; readonly said: string } => {
  const { status, stdout, stderr } = spawnSync("bash", ["-c", line], {
    cwd: inside(),
    encoding: "utf8",
    env: { ...process.env, PATH: `${join(modules, ".bin")}:${process.env["PATH"]}`, NODE_OPTIONS: "", NO_COLOR: "1" },
  });
  return { code: status, said: stdout + stderr };
};

describe.each(Object.keys(examples))("quater init --example %s", (example) => {
  test("the project that quater init wrote from an example compiles, and passes its own tests and its lint", async () => {
    await init(`-y --example ${example}`);
    install();
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };
    expect(shell(`${scripts["check"]} --customConditions quater-source`)).toEqual({ code: 0, said: "" });
    expect(shell(scripts["test"]?.replace("node ", "node -C quater-source ") ?? "").said).toMatch(/# pass 2\n# fail 0\n/);
    expect(shell(scripts["lint"] ?? "")).toMatchObject({ code: 0 });
  });

  test("the commands in the README.md of an example work, and the help of quater init names the example", async () => {
    await init(`-y --example ${example}`);
    install();
    mkdirSync(inside("data"), { recursive: true });
    const lines = [...read("README.md").matchAll(/^\| `npx quater (run [^`|]+|exposure)` \|/gm)].map(([, line = ""]) => line);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) {
      const { code, err } = await quater(line.replace(" --wait", "").split(" "), { cwd: inside() });
      expect([line, code, err]).toEqual([line, line.startsWith("run sendPayment") ? 75 : 0, expect.anything()]);
    }
    expect((await quater(["init", "--help"])).out).toContain(`${example} (`);
  });
});
