// docs/reference/errors.md and the code check each other.

import { readFileSync } from "node:fs";
import { errorCodes, errorKinds } from "quater/plugin-api";
import { expect, test } from "vitest";
import { approvalCodes, pageCodes } from "../../plugins/approval/errors.ts";
import { exitOfKind, programCodes } from "../../plugins/cli/output/exit.ts";
import { statusOfKind, transportStatus } from "../../plugins/http/refusals.ts";
import { lockCodes } from "../../plugins/store/lock/errors.ts";

const page = readFileSync(new URL("../../docs/reference/errors.md", import.meta.url), "utf8");
const rowsOf = (heading: string): string[][] => {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? page;
  return [...section.matchAll(/^\| `([^|]*)\|(.*)\|$/gm)].map((row) =>
    [row[1] ?? "", ...(row[2] ?? "").split("|")].map((cell) => cell.trim().replaceAll("`", "")),
  );
};

test("docs/reference/errors.md lists exactly the general error codes, each with its kind", () => {
  expect(Object.fromEntries(rowsOf("General codes").map(([code = "", kind]) => [code, kind]))).toEqual({ ...errorCodes });
});

test.each([
  ["Codes of approvals", approvalCodes],
  ["Codes of locks", lockCodes],
  ["Codes of the approvals page", pageCodes],
])("docs/reference/errors.md lists exactly the error codes under %s, each with its kind", (heading, codes) => {
  expect(Object.fromEntries(rowsOf(heading).map(([code = "", kind]) => [code, kind]))).toEqual({ ...codes });
});

test("docs/reference/errors.md lists exactly the error codes of the program quater, each with its exit code", () => {
  expect(Object.fromEntries(rowsOf("Codes of the program").map(([code = "", exit]) => [code, Number(exit)]))).toEqual({
    ...programCodes,
  });
});

test("docs/reference/errors.md lists exactly the transport error codes, each with its HTTP status", () => {
  expect(Object.fromEntries(rowsOf("Codes of HTTP").map(([code = "", status]) => [code, Number(status)]))).toEqual({
    ...transportStatus,
  });
});

test("docs/reference/errors.md lists every error kind with its HTTP status and exit code", () => {
  const rows = rowsOf("# Errors")
    .filter(([kind]) => (errorKinds as readonly string[]).includes(kind ?? ""))
    .slice(0, errorKinds.length);
  expect(rows.map(([kind]) => kind)).toEqual([...errorKinds]);
  for (const [kind = "", status = "", exit = ""] of rows) {
    const known = kind as (typeof errorKinds)[number];
    if (kind !== "cancelled") expect(Number(status.slice(0, 3)), kind).toBe(statusOfKind[known]);
    expect(Number(exit), kind).toBe(exitOfKind[known]);
  }
});
