// Messages that a client should not send, with the answers that they must get over both transports. The groups of revision
// 2026-07-28 and of headers are in abuse.test.ts.

/** The error code, `"result"`, `"tool error"`, or `"nothing"` for a message that gets no answer. */
export type Answer = number | "result" | "tool error" | "nothing";

/** @property id  The id in the answer; `undefined` for an answer without an id. */
export type Case = readonly [what: string, body: string | Buffer, answer: Answer, id?: string | number];

const id = 7;
const message = (fields: string): string => `{"jsonrpc":"2.0",${fields}}`;
const request = (method: string, params?: string): string =>
  message(`"id":${id},"method":${method}${params === undefined ? "" : `,"params":${params}`}`);
const call = (name: string, input?: string, more = ""): string =>
  request('"tools/call"', `{"name":${name}${input === undefined ? "" : `,"arguments":${input}`}${more}}`);
const withMeta = (meta: string): string => call('"add"', '{"a":1}', `,"_meta":${meta}`);

const values = ["null", "true", "5", "1.5", '"text"', "[]", '[{"a":1}]', "{}"] as const;
const valuesBut = (...fitting: readonly string[]): readonly string[] => values.filter((value) => !fitting.includes(value));
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const long = "x".repeat(257);

const notJson: readonly Case[] = [
  ...'{ } [ ] , : nul nan NaN Infinity undefined -- <a/> \'a\' {\'a\':1} {a:1} {} {} [1,] {"a":1,} {"a":01} {"a":+1} {"a":.5} {"a":"\\x"} "open'
    .replace("{} {}", "{}{}")
    .split(" "),
  "GET / HTTP/1.1",
  '{"jsonrpc":"2.0"/*comment*/}',
  "\u0000",
  '{"a":"\u0001"}',
].map((text) => [`the text ${JSON.stringify(text)}`, text, -32700]);

const notUnicode: readonly Case[] = [
  ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), -32600],
  ["a byte order mark", `\ufeff${request('"ping"')}`, -32600],
];

const notMessages: readonly Case[] = [
  ...values.map((value): Case => [`the value ${value}`, value, -32600]),
  ["a batch", `[${request('"ping"')},${request('"ping"')}]`, -32600],
  ...['"1.0"', "2", "2.0", "null", '"2.0 "', "[]"].map(
    (version): Case => [`jsonrpc ${version}`, `{"jsonrpc":${version},"id":${id},"method":"ping"}`, -32600, id],
  ),
  ["no jsonrpc", `{"id":${id},"method":"ping"}`, -32600, id],
  ["no method", message(`"id":${id}`), -32600, id],
  ...valuesBut('"text"').map((method): Case => [`the method ${method}`, request(method), -32600, id]),
  ...valuesBut("{}").map((params): Case => [`the params ${params}`, request('"ping"', params), -32600, id]),
];

const ids: readonly Case[] = [
  ...[...valuesBut("5", '"text"'), "9007199254740992", "-1e300", `"${long}"`, '"\\ud800"'].map(
    (value): Case => [`the id ${value.slice(0, 20)}`, message(`"id":${value},"method":"ping"`), -32600],
  ),
  ...[0, -1, 9007199254740991, "", "é😀", "__proto__", '"', long.slice(1)].map(
    (value): Case => [
      `the unusual id ${String(value).slice(0, 20)}`,
      message(`"id":${JSON.stringify(value)},"method":"ping"`),
      "result",
      value,
    ],
  ),
];

const ambiguous: readonly Case[] = [
  ["two methods", message(`"id":${id},"method":"ping","method":"tools/list"`), -32600, id],
  ["two ids", message('"id":1,"id":2,"method":"ping"'), -32600],
  ["two params", message(`"id":${id},"method":"ping","params":{},"params":{}`), -32600, id],
  ["two names", call('"add"', "{}", ',"name":"note"'), -32600, id],
  ["a __proto__ beside the method", message(`"id":${id},"method":"ping","__proto__":{}`), -32600, id],
  ["a __proto__ in the params", request('"ping"', '{"__proto__":{}}'), -32600, id],
  ["a __proto__ in _meta", withMeta('{"__proto__":{}}'), -32600, id],
  ["half a surrogate pair in a method", request('"\\ud800"'), -32600, id],
  ["a number that is rounded", request('"ping"', '{"a":9007199254740993}'), -32600, id],
  ["an endless number", request('"ping"', '{"a":1e999}'), -32600, id],
  ["params of 100 levels", request('"ping"', deep(100)), -32600, id],
  ["params of 100,000 levels", request('"ping"', deep(100_000)), -32600, id],
];

const unknownMethods: readonly Case[] = [
  ..."other ping/ Ping TOOLS/CALL tools/call/ tools tools/nothing __proto__ constructor toString rpc.discover server/discover sampling/createMessage roots/list elicitation/create tasks/get tasks/cancel notifications/cancelled"
    .split(" ")
    .map((name) => `"${name}"`),
  '""',
  '" tools/list"',
  '"tools\\u0000list"',
  `"${"m".repeat(10_000)}"`,
].map((method) => [`the method ${method.slice(0, 30)}`, request(method), -32601, id]);

const calls: readonly Case[] = [
  ["a call without params", request('"tools/call"'), -32602, id],
  ...valuesBut('"text"').map((name): Case => [`the tool ${name}`, call(name), -32602, id]),
  ...["nothing", "", "__proto__", "constructor", "hidden", "ADD", "add ", "audit", "../add", long].map(
    (name): Case => [`the tool "${name.slice(0, 20)}"`, call(`"${name}"`), -32602, id],
  ),
  ...valuesBut("{}").map((meta): Case => [`the _meta ${meta}`, withMeta(meta), -32602, id]),
  ...[...valuesBut("5", '"text"'), `"${long}"`].map(
    (token): Case => [`the progress token ${token.slice(0, 20)}`, withMeta(`{"progressToken":${token}}`), -32602, id],
  ),
  ...valuesBut("true").map((dry): Case => [`the dry run ${dry}`, withMeta(`{"quater/dryRun":${dry}}`), -32602, id]),
  ...values.map((one): Case => [`the approval ${one}`, withMeta(`{"quater/approval":${one}}`), -32602, id]),
  ["a cursor", request('"tools/list"', '{"cursor":"x"}'), -32602, id],
  ["initialize without params", request('"initialize"'), -32602, id],
  ["initialize with a number as version", request('"initialize"', '{"protocolVersion":5}'), -32602, id],
];

const inputs: readonly Case[] = [
  ...[
    ...valuesBut("{}"),
    "{}",
    '{"a":"1"}',
    '{"a":null}',
    '{"a":[1]}',
    '{"a":1,"c":2}',
    '{"a":1,"a":2}',
    '{"a":1,"__proto__":{}}',
    '{"a":1,"constructor":{}}',
    '{"a":1e999}',
    '{"a":"\\ud800"}',
    `{"a":${deep(100)}}`,
  ].map((input): Case => [`the arguments ${input.slice(0, 30)}`, call('"add"', input), "tool error", id]),
];

const silent: readonly Case[] = [
  ...["initialized", "cancelled", "progress", "roots/list_changed", "other"].map(
    (name): Case => [`the notification ${name}`, message(`"method":"notifications/${name}"`), "nothing"],
  ),
  ...values.map(
    (requestId): Case => [
      `the cancellation of ${requestId}`,
      message(`"method":"notifications/cancelled","params":{"requestId":${requestId}}`),
      "nothing",
    ],
  ),
  ["a call without an id", message('"method":"tools/call","params":{"name":"wipe"}'), "nothing"],
  ["a result", message(`"id":${id},"result":{}`), "nothing"],
  ["an error", message(`"id":${id},"error":{"code":1,"message":"no"}`), "nothing"],
  ["an error without an id", message('"error":{"code":1,"message":"no"}'), "nothing"],
];

export const groups: readonly (readonly [group: string, cases: readonly Case[]])[] = [
  ["text that is not JSON", notJson],
  ["bytes that are not Unicode text", notUnicode],
  ["JSON that is not a message", notMessages],
  ["unusual ids", ids],
  ["messages that two readers read differently", ambiguous],
  ["unknown methods", unknownMethods],
  ["malformed params", calls],
  ["arguments that do not match", inputs],
  ["messages that get no answer", silent],
];
