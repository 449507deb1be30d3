import { errorKinds } from "quater/plugin-api";
import { expect, test } from "vitest";
import { exitOfKind } from "../../../plugins/cli/output/exit.ts";
import { quater } from "./kit.ts";

const refund = ["run", "refundOrder", "--order-id", "o1", "--amount-cents", "5"];

test("quater run prints the result as one line of JSON in a pipe", async () => {
  expect(await quater(["run", "listOrders", "--limit", "1"])).toEqual({
    code: 0,
    out: '[{"id":"ord_1","cents":500,"note":null}]\n',
    err: "",
  });
});

test("quater run prints a list as a table on a terminal, with control characters escaped", async () => {
  const { out } = await quater(["run", "list-orders"], { isTerminal: true });
  expect(out).toBe("id      cents  note\nord_1   500    -\nord_22  12000  \\u{1b}[31mred\n");
});

test("quater run prints a table that is too wide for the terminal as one paragraph per item", async () => {
  const { out } = await quater(["run", "listOrders"], { isTerminal: true, columns: 12 });
  expect(out).toBe("id     ord_1\ncents  500\nnote   -\n\nid     ord_22\ncents  12000\nnote   \\u{1b}[31mred\n");
});

test("quater run --json prints indented JSON without control characters on a terminal", async () => {
  const { out } = await quater(["run", "listOrders", "--json"], { isTerminal: true });
  expect(out).toContain("\n  {\n");
  expect(out).not.toContain("\u001b");
  expect(JSON.parse(out)).toHaveLength(2);
});

test("quater run --no-json prints text in a pipe", async () => {
  expect((await quater(["--no-json", "run", "listOrders", "--limit=1"])).out).toBe("id     cents  note\nord_1  500    -\n");
});

test.each([
  [["--ratio", "1.5"], { ratio: 1.5 }],
  [["--ratio=-1.5"], { ratio: -1.5 }],
  [["--offset", "-5"], { offset: -5 }],
  [["--offset=-5"], { offset: -5 }],
  [["--isUrgent"], { isUrgent: true }],
  [["--is-urgent"], { isUrgent: true }],
  [["--no-is-urgent"], { isUrgent: false }],
  [["--is-urgent=false"], { isUrgent: false }],
  [["--status", "paid"], { status: "paid" }],
  [["--reason="], { reason: "" }],
  [["--reason", "-"], { reason: "-" }],
  [["--reason=--dry-run"], { reason: "--dry-run" }],
  [["--reason", "a=b"], { reason: "a=b" }],
  [["--reason", "007"], { reason: "007" }],
  [["--tags", "a"], { tags: ["a"] }],
  [["--tags", "a", "--tags=b"], { tags: ["a", "b"] }],
  [["--sizes", "1", "--sizes", "2"], { sizes: [1, 2] }],
  [["--meta", '{"by":"x","deep":{"n":1}}'], { meta: { by: "x", deep: { n: 1 } } }],
  [["--lines", '[{"sku":"a"}]'], { lines: [{ sku: "a" }] }],
  [["--snake-case", "x"], { snake_case: "x" }],
  [["--snake_case", "x"], { snake_case: "x" }],
])("quater run converts the flags %j to the input %j", async (flags, expected) => {
  const { code, out, err } = await quater([...refund, ...flags]);
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({ orderId: "o1", amountCents: 5, ...expected });
});

test.each([
  [["--amount-cents", "6"], "invalid_input", "/amountCents", "is given more than once"],
  [["--amountCents", "6"], "invalid_input", "/amountCents", "is given more than once"],
  [["--offset", "5.0"], "invalid_input", "/offset", "must be an integer"],
  [["--is-urgent=yes"], "invalid_input", "/isUrgent", "must be true or false"],
  [["--stauts", "paid"], "unknown_field", "/stauts", 'is not a known field; did you mean "status"?'],
  [["--meta", "{"], "json_invalid", "/meta", "is not valid JSON: line 1, column 2"],
  [["--meta", '{"by":"x","by":"y"}'], "json_duplicate_key", "/meta/by", "is given more than once"],
  [["--meta", '{"deep":{"__proto__":1}}'], "json_forbidden_key", "/meta/deep/__proto__", "is not allowed as a key"],
  [["--meta", '{"by":1}'], "invalid_input", "/meta/by", "must be a string"],
  [["--__proto__", "x"], "json_forbidden_key", "/__proto__", "is not allowed as a key"],
])("quater run refuses the flags %j with the same error as other surfaces", async (flags, code, path, message) => {
  const seen = await quater([...refund, ...flags]);
  expect(seen).toMatchObject({ code: 65, out: "" });
  expect(JSON.parse(seen.err)).toMatchObject({ error: { code, errors: [{ path, message }] } });
});

test("quater run prints a refusal on a terminal with the error code, the flag of each wrong field, and the call id", async () => {
  const { err, out, code } = await quater(["run", "refundOrder", "--amount-cents", "0", "--stauts", "x"], { isTerminal: true });
  expect({ code, out }).toEqual({ code: 65, out: "" });
  expect(err).toMatch(/^invalid_input: .+\n/);
  expect(err).toContain("\n  /amountCents must be at least 1 (--amount-cents)\n");
  expect(err).toContain("\n  /orderId is required (--order-id)\n");
  expect(err).toContain("\n  /stauts is not a known field; did you mean --status?\n");
  expect(err).toMatch(/\n {2}call [0-9a-f-]{36}\n$/);
});

test("the error of quater run for a missing secret input names the places from which the program reads the secret", async () => {
  const { err } = await quater(["run", "charge", "--cents", "5"], { isTerminal: true });
  expect(err).toContain("\n  /cardNumber is required (QUATER_INPUT_CARD_NUMBER or --input)\n");
});

test('an error of quater run about the whole input begins with the words "the input"', async () => {
  const { err } = await quater(["run", "refundOrder", "--order-id", "nothing", "--amount-cents", "5"], { isTerminal: true });
  expect(err).toMatch(/^invalid_input: the input must change something\n {2}the input must change something\n/);
});

test("quater run --input reads the input as JSON from a file or standard input, and flags add to it", async () => {
  const input = '{"orderId":"o2","amountCents":7}';
  const expected = { orderId: "o2", amountCents: 7 };
  expect(JSON.parse((await quater(["run", "refundOrder", "--input", "-"], { stdin: input })).out)).toEqual(expected);
  expect(JSON.parse((await quater(["run", "refundOrder", "--input=refund.json"])).out)).toEqual(expected);
  const both = await quater(["run", "refundOrder", "--input", "-", "--reason", "late"], { stdin: input });
  expect(JSON.parse(both.out)).toEqual({ ...expected, reason: "late" });
});

test("quater run refuses an input field that both --input and a flag contain", async () => {
  const seen = await quater(["run", "refundOrder", "--input", "-", "--amount-cents", "8"], {
    stdin: '{"orderId":"o2","amountCents":7}',
  });
  expect(seen.code).toBe(65);
  expect(JSON.parse(seen.err)).toMatchObject({
    error: { errors: [{ path: "/amountCents", message: "is given twice, in the input and in the flags: send it once" }] },
  });
});

test("quater run --input refuses JSON that strict JSON refuses", async () => {
  const text = await quater(["run", "refundOrder", "--input", "-"], { stdin: '{"orderId":"o","amountCents":"5"}' });
  expect(JSON.parse(text.err)).toMatchObject({ error: { errors: [{ path: "/amountCents", message: "must be an integer" }] } });
  const twice = await quater(["run", "refundOrder", "--input", "-"], { stdin: '{"orderId":"o","orderId":"p"}' });
  expect(JSON.parse(twice.err)).toMatchObject({ error: { code: "json_duplicate_key" } });
  const large = await quater(["run", "refundOrder", "--input", "-"], { stdin: `"${"x".repeat(1_100_000)}"` });
  expect([large.code, JSON.parse(large.err).error.code]).toEqual([65, "too_large"]);
  expect(await quater(["run", "refundOrder", "--input", "nowhere.json"])).toMatchObject({
    code: 64,
    err: "quater: --input nowhere.json: the file does not exist\n",
  });
});

test.each(errorKinds.map((kind) => [kind]))(
  "quater run exits with the exit code of the error kind when the call ends with %s",
  async (kind) => {
    const seen = await quater(["run", "failWith", "--kind", kind]);
    expect(seen).toMatchObject({ code: exitOfKind[kind], out: "" });
    expect(JSON.parse(seen.err)).toMatchObject({ error: { code: `test_${kind}`, details: { id: "x1" } } });
  },
);

test("quater run uses the exit codes that docs/reference/errors.md lists", () => {
  expect(exitOfKind).toEqual({
    invalid_input: 65,
    unauthenticated: 77,
    forbidden: 77,
    not_found: 66,
    conflict: 73,
    approval_required: 75,
    approval_refused: 77,
    too_large: 65,
    rate_limited: 75,
    unavailable: 69,
    outcome_unknown: 76,
    cancelled: 130,
    internal: 70,
  });
});

test("quater run escapes control characters in errors on a terminal", async () => {
  const { err } = await quater(["run", "failWith", "--kind", "conflict"], { isTerminal: true });
  expect(err).toMatch(/^test_conflict: It failed: conflict\\u\{1b\}\[2J\n {2}id x1\n {2}call /);
});

test("quater run --dry-run prints whether the handler would run, and does not run the handler", async () => {
  const { code, out } = await quater([...refund, "--dry-run"]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    handler: "refundOrder",
    input: { orderId: "o1", amountCents: 5 },
    argumentsHash: expect.stringMatching(/^sha256:/),
    auth: { allowed: true },
  });
  expect((await quater(["run", "failWith", "--kind", "conflict", "--dry-run"])).code).toBe(0);
});

test("quater run does not read --dry-run as the value of a flag", async () => {
  const seen = await quater(["run", "refundOrder", "--reason", "--dry-run"]);
  expect(seen).toMatchObject({
    code: 64,
    err: 'quater: --reason needs a value. Write a value that begins with "-" as --reason=...\n',
  });
});

test("quater run refuses secrets in arguments, and reads secrets from the environment or --input", async () => {
  const typed = await quater(["run", "charge", "--card-number", "4242", "--cents", "1"]);
  expect(typed.code).toBe(64);
  expect(typed.err).toContain("QUATER_INPUT_CARD_NUMBER");
  expect(typed.err).not.toContain("4242");
  expect((await quater(["run", "charge", "--cents", "1"], { env: { QUATER_INPUT_CARD_NUMBER: "4242" } })).out).toBe(
    '{"last":"42","cents":1}\n',
  );
  expect((await quater(["run", "charge", "--input", "-"], { stdin: '{"cardNumber":"4243","cents":1}' })).out).toBe(
    '{"last":"43","cents":1}\n',
  );
});

test("quater run reads an input field from --input when the program has a flag of the same name", async () => {
  const typed = await quater(["run", "shadowed", "--json"]);
  expect(typed.out).toBe("{}\n");
  const { out } = await quater(["run", "shadowed", "--input", "-"], { stdin: '{"json":"a","input":"b","dryRun":true}' });
  expect(JSON.parse(out)).toEqual({ json: "a", input: "b", dryRun: true });
  expect((await quater(["run", "shadowed", "--dryRun"])).out).toContain("argumentsHash");
  expect(await quater(["run", "shadowed", "--no-json", "5000"])).toMatchObject({
    code: 64,
    err: 'quater: Unexpected argument "5000". Set inputs with flags. Set json, input, dryRun with --input, because the program has a flag of the same name\n',
  });
  expect((await quater(["run", "shadowed", "--dry-run=soon"])).err).toContain(
    "--dry-run is a flag of the program and takes no value. To set an input of this name, use --input",
  );
  const help = await quater(["run", "shadowed", "--help"], { isTerminal: true });
  expect(help.out).toContain("json    (only with --input, because the program has a flag of this name)");
});

test("the authenticator of cli() refuses wrong tokens and callers with missing scopes", async () => {
  const wrong = await quater(["run", "listOrders"], { env: { QUATER_TOKEN: "nope" } });
  expect([wrong.code, JSON.parse(wrong.err).error.code]).toEqual([77, "invalid_token"]);
  const scope = await quater(["run", "adminOnly", "--name", "x"]);
  expect([scope.code, JSON.parse(scope.err).error.code]).toEqual([77, "missing_scope"]);
});

test("quater run prints how to get a missing scope or role in its text on a terminal, but not in its JSON", async () => {
  const person = async (env: Record<string, string> = {}) =>
    (await quater(["run", "adminOnly", "--name", "x"], { isTerminal: true, env })).err.split("\n").slice(0, 3);
  expect(await person()).toEqual([
    "missing_scope: This call needs a credential with the scope admin",
    '  scopes ["admin"]',
    '  You called without QUATER_TOKEN, as the local user. Add the missing scopes in the manifest: cli({ authenticate: localUser({ scopes: ["admin"] }) })',
  ]);
  expect((await person({ QUATER_TOKEN: "t" }))[2]).toBe(
    "  The key in QUATER_TOKEN does not have the required scopes. Create a key with the required scopes: npx quater keys create --name <name> --scopes admin",
  );
  const { err } = await quater(["run", "adminOnly", "--name", "x"]);
  expect(err).not.toContain("localUser");
});

test("the help of an action in quater run contains everything that a caller needs to run the action", async () => {
  const { code, out } = await quater(["run", "refund-order", "--help"], { isTerminal: true });
  expect(code).toBe(0);
  for (const line of [
    "Usage  quater run refundOrder --order-id <string> --amount-cents <integer> [--reason <string>]",
    "Refunds a paid order, in full or in part.",
    "  effect  destructive",
    "  auth    can(orders)",
    "(required, at least 1)",
    "--status open|paid",
    "(repeat the flag for several values)",
    "--meta <json>",
    "--dry-run",
  ]) {
    expect(out).toContain(line);
  }
});

test("quater run prints one line per item of a stream, and prints the error when the stream fails", async () => {
  expect(await quater(["run", "countUp", "--to", "3"])).toEqual({ code: 0, out: '{"n":1}\n{"n":2}\n{"n":3}\n', err: "" });
  const failed = await quater(["run", "countUp", "--to", "3", "--fail-at", "2"]);
  expect(failed).toMatchObject({ code: 73, out: '{"n":1}\n' });
  expect(JSON.parse(failed.err)).toMatchObject({ error: { code: "stuck" } });
});

test("quater run shows the progress of a call on one temporary line on a terminal, and not in a pipe", async () => {
  const terminal = await quater(["run", "waitLong", "--ms", "1"], { isTerminal: true });
  expect(terminal.err).toBe("\r\u001b[2K[##########..........] 50% half\\u{1b}[2J\r\u001b[2K");
  expect((await quater(["run", "waitLong", "--ms", "1"])).err).toBe("");
});

test("an interrupt cancels the call of quater run, also during a stream", async () => {
  const interrupt = new AbortController();
  const onError = (text: string) => text.includes("50%") && interrupt.abort("SIGINT");
  const seen = await quater(["run", "waitLong"], { interrupt: interrupt.signal, isTerminal: true, onError });
  expect(seen.code).toBe(130);
  expect(seen.err).toContain("cancelled: The caller cancelled the call");
  const streaming = new AbortController();
  setTimeout(() => streaming.abort("SIGINT"), 1_000);
  const streamed = await quater(["run", "countUp", "--pause-ms", "5"], { interrupt: streaming.signal });
  expect(streamed.code).toBe(130);
  expect(JSON.parse(streamed.err)).toMatchObject({ error: { code: "cancelled" } });
});

test("quater run exits with 143 when SIGTERM arrives before the start of the call", async () => {
  expect(await quater(["run", "waitLong"], { interrupt: AbortSignal.abort("SIGTERM") })).toMatchObject({ code: 143, out: "" });
});
