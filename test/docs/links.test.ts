// Links between the pages of docs/ lead somewhere, and every page is listed in docs/README.md.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
].map((name) => ({ name, text: readFileSync(join(root, name), "utf8").replace(/^```.*?^```/gms, "") }));

/** The address of a heading, as GitHub makes it. */
const slugOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");
const headings = new Map(
  pages.map(({ name, text }) => [name, new Set([...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => slugOf(heading)))]),
);

const linksOf = (text: string): readonly string[] =>
  [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link).filter((link) => !/^[a-z]+:/.test(link));

test.each(pages)("every link in the documentation page $name leads to an existing file and heading", ({ name, text }) => {
  const broken = linksOf(text).filter((link) => {
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? name : relative(root, resolve(root, dirname(name), path));
    return !existsSync(join(root, target)) || (anchor !== undefined && headings.get(target)?.has(anchor) === false);
  });
  expect(broken).toEqual([]);
});

test("docs/README.md lists every documentation page", () => {
  const index = pages.find(({ name }) => name === "docs/README.md")?.text ?? "";
  const listed = new Set(linksOf(index).map((link) => join("docs", link)));
  expect(pages.filter(({ name }) => /^docs\/.+\//.test(name) && !listed.has(name)).map(({ name }) => name)).toEqual([]);
});
