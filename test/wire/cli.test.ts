// What scripts meet on the command line, word for word: standard output, standard error and exit codes. cli.json is the promise.

import { expect, test } from "vitest";
import { till } from "../plugins/approval/till-kit.ts";
import { quater } from "../plugins/cli/kit.ts";
import { approvalIn, pinned } from "./wire-kit.ts";

test("the command lines in test/wire/cli.json still get the answers that the file contains", async () => {
  using project = till();
  const seen: object[] = [];
  const type = async (line: string, isTerminal = false) => {
    const words = line.split(" ").map((word) => (word === "BEA" ? project.keys.bea : word));
    const { code, out, err } = await quater(words, { cwd: project.folder, isTerminal });
    const plain = (text: string) =>
      text
        .replaceAll(project.folder, "<folder>")
        .split("\n")
        .map((each) => (/^[{[]/.test(each) ? (JSON.parse(each) as unknown) : each));
    seen.push({ line, isTerminal, code, out: plain(out), err: plain(err) });
    return { out, err };
  };

  await type("nothing");
  await type("run");
  await type("run nobody");
  await type("run pay");
  await type("run pay --to bo --cents x --more 1");
  await type("run pay --help");
  await type("actions");
  await type("--help");
  await type("run pay --to bo --cents 5 --dry-run");
  const id = approvalIn((await type("run pay --to bo --cents 5")).err);
  await type("run pay --to bo --cents 5", true);
  await type("approvals list --key-file BEA");
  const { out } = await type(`approvals show ${id} --key-file BEA`);
  const { digest } = JSON.parse(out) as { digest: string };
  await type(`approvals approve ${id} --key-file BEA --digest ${"0".repeat(64)}`);
  await type(`approvals approve ${id} --key-file BEA --digest ${digest}`);
  await type("run pay --to bo --cents 5");
  await type("run pay --to bo --cents 5 --no-json");
  await type("audit verify");
  await type("audit tail --lines 2");
  await type("audit show --handler pay --outcome refused");
  await type("exposure --check");
  await type("exposure --write");
  await type("exposure --check");
  await type("exposure --check --base nobody");
  await type("explain pay --to bo --cents 7");
  await type("explain pay --to bo --cents 0 --scope sell");
  await type("who-can pay");

  await expect(pinned(seen)).toMatchFileSnapshot("cli.json");
});
