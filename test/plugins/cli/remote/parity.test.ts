// The same action prints the same bytes and exits with the same code, on this computer and on a remote.

import { errorKinds } from "quater/plugin-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import sheets from "../fixtures/sheets/manifest.ts";
import shopManifest from "../fixtures/shop/manifest.ts";
import { fixture, quater, type Seen, shop, type Typed } from "../kit.ts";
import { type Served, serve } from "./kit.ts";

/**
 * Removes what differs in two runs of the same command: the id of the call, the log of the process in which the handler runs, and
 * the advice, which is about another credential.
 */
const plain = ({ code, out, err }: Seen): Seen => {
  const same = err
    .replaceAll(/"callId":"[^"]*",?/g, "")
    .replaceAll(/^ {2}call \S+\n/gm, "")
    .replaceAll(/^\d\d:\d\d:\d\d error .*\n/gm, "")
    .replaceAll(/^ {2}(?:You called|The token of|This output does not contain|The log of the server).*\n/gm, "")
    .replaceAll(/,"hint":"[^"]*"/g, "");
  return { code, out, err: same };
};

const rows: readonly [title: string, words: string, typed: Typed | undefined][] = (
  [
    ["a list", "run listOrders"],
    ["a list of one status", "run listOrders --status paid --limit 1"],
    ["an action in kebab-case", "run list-orders --limit 1"],
    ["text", "run greet --name Ana"],
    ["an object with defaults", "run refundOrder --order-id o1 --amount-cents 5"],
    [
      "every kind of flag",
      "run refundOrder --order-id o1 --amount-cents=5 --ratio 1.50 --offset -5 --is-urgent --tags a --tags b --sizes 1 --sizes 2",
    ],
    ["JSON in flags", 'run refundOrder --order-id o1 --amount-cents 5 --meta {"by":"x","deep":{"n":1}} --lines [{"sku":"a"}]'],
    ["JSON from a file", `run refundOrder --input ${shop}/refund.json`],
    ["JSON from standard input", "run refundOrder --input -", { stdin: '{"orderId":"o3","amountCents":9}' }],
    ["one name from two sources", "run refundOrder --input - --order-id o4", { stdin: '{"orderId":"o3","amountCents":9}' }],
    ["JSON with a repeated key", "run refundOrder --input -", { stdin: '{"orderId":"a","orderId":"b","amountCents":9}' }],
    ["a dry run", "run refundOrder --order-id o1 --amount-cents 5 --dry-run"],
    ["a dry run of wrong input", "run refundOrder --order-id o1 --dry-run"],
    ["missing fields", "run refundOrder"],
    ["a text where a number must be", "run refundOrder --order-id o1 --amount-cents x"],
    ["an unknown flag", "run refundOrder --order-id o1 --amount-cent 5"],
    ["a fault of the whole input", "run refundOrder --order-id nothing --amount-cents 5"],
    ["a missing scope", "run adminOnly --name x"],
    ["a secret in the command line", "run charge --card-number 42 --cents 5"],
    ["a secret in a variable", "run charge --cents 5", { env: { QUATER_INPUT_CARD_NUMBER: "4242" } }],
    ["inputs named like flags of the program", "run shadowed --input -", { stdin: '{"json":"a","input":"b","dryRun":true}' }],
    ["a stream", "run countUp --to 3"],
    ["a stream without items", "run countUp --to 0"],
    ["a stream that fails at once", "run countUp --to 3 --fail-at 1"],
    ["a stream that fails later", "run countUp --to 3 --fail-at 3"],
    ["progress", "run waitLong --ms 5"],
    ["an unknown approval", "run greet --name x --approval apr_1"],
    ["a word too many", "run greet Ana"],
    ["help", "run refundOrder --help"],
    ["the list of actions", "actions list"],
    ...errorKinds
      .filter((kind) => kind !== "cancelled")
      .map((kind) => [`a failure of the kind ${kind}`, `run failWith --kind ${kind}`] as const),
  ] as readonly (readonly [string, string, Typed?])[]
).map(([title, words, typed]) => [title, words, typed]);
describe("quater run prints the same bytes and exits with the same code for a local call and a call on a remote", () => {
  let here: Served;
  beforeAll(async () => {
    here = await serve(shopManifest, shop);
  });
  afterAll(() => here[Symbol.asyncDispose]());

  test.each(rows)("quater run --remote prints the same bytes as the local command: %s", async (_, line, typed = {}) => {
    const words = line.split(" ");
    for (const form of [[], ["--json"]]) {
      for (const isTerminal of [false, true]) {
        const how = { ...typed, isTerminal };
        const local = plain(await quater([...form, ...words], { cwd: shop, ...how }));
        const remote = plain(await here.there([...form, "--remote", "here", ...words], how));
        expect(remote).toEqual(local);
      }
    }
  });
});

test("quater run --remote writes a file output unchanged to a pipe, and refuses to write it to a terminal", async () => {
  await using here = await serve(sheets, fixture("sheets"));
  const words = ["--remote", "here", "run", "getSheet", "--name", "a.csv"];
  expect(await here.there(words)).toEqual({ code: 0, out: "a,1\n", err: "" });
  expect(await here.there(words, { isTerminal: true })).toMatchObject({
    code: 64,
    err: expect.stringContaining("Write the file with --output FILE"),
  });
});

test("quater run --remote refuses a file input, and names the input", async () => {
  await using here = await serve(sheets, fixture("sheets"));
  const { code, err } = await here.there(["--remote", "here", "run", "addSheet", "--sheet", "@files/a.csv"], {
    cwd: fixture("sheets"),
  });
  expect({ code, err }).toEqual({ code: 65, err: expect.stringContaining("/sheet is a file, and files cannot be sent") });
});

test("quater run --remote exits with 64 for an action that the remote does not have", async () => {
  await using here = await serve(shopManifest, shop);
  expect(await here.there(["--remote", "here", "run", "gret"])).toMatchObject({
    code: 64,
    err: 'quater: No action named "gret"; did you mean "greet"?\n',
  });
});

test("quater run --remote exits with 77 and missing_scope for a token without the scope remote:run", async () => {
  await using here = await serve(shopManifest, shop, "without-right");
  const { code, err } = await here.there(["--remote", "here", "run", "greet", "--name", "x"]);
  expect({ code, error: (JSON.parse(err) as { error: object }).error }).toEqual({
    code: 77,
    error: expect.objectContaining({ code: "missing_scope", details: { scopes: ["remote:run"] } }),
  });
});
