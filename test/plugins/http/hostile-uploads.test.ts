// Forms that no honest client sends. Each gets its pinned answer, leaves no file behind, gives back its share of maxUploadBytes, and
// the server goes on answering others.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyone, file, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, type TestApp } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange } from "./exchange.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const maxUploadBytes = 200_000;

const add = handler({
  description: "Adds a photo.",
  effect: "write",
  auth: anyone,
  input: Type.Object({
    photo: file({ maxBytes: 150_000, mediaTypes: ["image/png"] }),
    title: Type.Optional(Type.String()),
  }),
  handle: ({ photo }) => [photo.name, photo.mediaType, photo.bytes],
});

const folder = mkdtempSync(join(tmpdir(), "quater-uploads-test-"));
let app: TestApp;
let base: string;
beforeAll(async () => {
  app = await bootTest({
    handlers: { add },
    expose: { add: { http: "POST /photos", public: true } },
    plugins: [http({ port: 0, requestTimeoutMs: 2_000, headersTimeoutMs: 2_000 })],
    uploadFolder: folder,
    maxUploadBytes,
  });
  base = app.services.get(httpRef).baseUrl ?? "";
});
afterAll(async () => {
  await app.stop();
  rmSync(folder, { recursive: true, force: true });
});

const left = () => readdirSync(folder).flatMap((name) => readdirSync(join(folder, name)));

const joined = (...pieces: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)));
/** @param about  Of the header Content-Disposition, and further header lines. */
const part = (about: string, content: string | Buffer, boundary = "b"): Buffer =>
  joined(`--${boundary}\r\nContent-Disposition: form-data; ${about}\r\n\r\n`, content, "\r\n");
const image = (about = 'name="photo"; filename="a.png"', content: string | Buffer = png): Buffer =>
  part(`${about}\r\nContent-Type: image/png`, content);
const end = "--b--\r\n";
const sent = (body: Buffer, type = "multipart/form-data; boundary=b", length: number = body.length): Buffer =>
  joined(`POST /photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`, body);
const form = (...parts: readonly (string | Buffer)[]): Buffer => sent(joined(...parts, end));
const chunked = (...parts: readonly (string | Buffer)[]): Buffer => {
  const body = joined(...parts);
  const head =
    "POST /photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked";
  return joined(`${head}\r\n\r\n${body.length.toString(16)}\r\n`, body, "\r\n");
};
const named = (about: string) => form(image(`name="photo"; ${about}`));
const bounded = (boundary: string, type = `multipart/form-data; boundary=${boundary}`) =>
  sent(joined(part('name="photo"; filename="a.png"', png, boundary), `--${boundary}--\r\n`), type);

type Row = readonly [title: string, bytes: Buffer, expected: string];
const groups: Readonly<Record<string, readonly Row[]>> = {
  "content that is not its type": [
    ["a picture", form(image()), "200, open, a.png image/png 70"],
    ["a page", form(image(undefined, "<html><script>alert(1)</script></html>")), "422 invalid_input, open"],
    [
      "a picture in SVG with a script",
      form(image(undefined, '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')),
      "422 invalid_input, open",
    ],
    ["a GIF that is also a script", form(image(undefined, "GIF89a/*\x00\x00*/=alert(1)//")), "422 invalid_input, open"],
    [
      "a picture with a page behind it",
      form(image(undefined, joined(png, "<html><script>alert(1)</script>"))),
      "200, open, a.png image/png 101",
    ],
    [
      "a program",
      form(image(undefined, Buffer.from("7f454c4602010100000000000000000002003e00", "hex"))),
      "422 invalid_input, open",
    ],
    ["an archive", form(image(undefined, Buffer.from("504b0304140000000800", "hex"))), "422 invalid_input, open"],
    ["nothing", form(image(undefined, "")), "422 invalid_input, open"],
    [
      "a picture that says it is text",
      form(part('name="photo"; filename="a.txt"\r\nContent-Type: text/plain', png)),
      "200, open, a.txt image/png 70",
    ],
    [
      "a picture in base64",
      form(image('name="photo"; filename="a.png"\r\nContent-Transfer-Encoding: base64', png.toString("base64"))),
      "422 invalid_input, open",
    ],
    [
      "a form inside of the form",
      form(part('name="photo"; filename="a.png"\r\nContent-Type: multipart/mixed; boundary=c', "--c\r\n\r\na\r\n--c--")),
      "422 invalid_input, open",
    ],
  ],
  "lengths and ends": [
    ["a length that is too short", sent(joined(image(), end), undefined, 150), "closed"],
    ["a length that is too long", sent(joined(image(), end), undefined, 5_000), "408 request_timeout, closed"],
    ["a length above all limits", sent(joined(image(), end), undefined, 99_999_999), "413 too_large, closed"],
    ["a file above its limit", form(image(undefined, Buffer.alloc(160_000, "a"))), "413 too_large, open"],
    ["a form that ends in a header", sent(joined(image(), "--b\r\nContent-Dispo")), "400 bad_request, open"],
    ["a form that ends in a file", sent(image().subarray(0, 150)), "400 bad_request, open"],
    ["a form without its last boundary", sent(image()), "400 bad_request, open"],
    ["a file without an end", chunked(image(undefined, Buffer.alloc(2_000_000, "a"))), "413 too_large, closed"],
    ["a file that stops", chunked(image().subarray(0, 150)), "408 request_timeout, closed"],
    [
      "text before the first part and behind the last",
      sent(joined("hello\r\n", image(), end, "hello")),
      "200, open, a.png image/png 70",
    ],
    ["two forms", sent(joined(image(), end, image(), end)), "200, open, a.png image/png 70"],
  ],
  "parts and their headers": [
    ["no part", form(), "422 invalid_input, open"],
    ["10,000 parts", form(image(), ...Array<Buffer>(10_000).fill(part('name="title"', "a"))), "413 too_large, closed"],
    ["10,000 files", form(...Array<Buffer>(10_000).fill(image('name="other"; filename="a"', "a"))), "422 invalid_input, closed"],
    [
      "10,000 header lines",
      form(image(`name="photo"; filename="a.png"${Array.from({ length: 10_000 }, (_, n) => `\r\nX-${n}: 1`).join("")}`)),
      "200, open, a.png image/png 70",
    ],
    [
      "a header of 100 kB",
      form(image(`name="photo"; filename="a.png"\r\nX-A: ${"a".repeat(100_000)}`)),
      "200, open, a.png image/png 70",
    ],
    ["a header without an end", sent(joined("--b\r\n", "a".repeat(300_000))), "400 bad_request, open"],
    ["a header without a colon", form(image('name="photo"; filename="a.png"\r\nrubbish')), "200, open, a.png image/png 70"],
    ["no headers", form(joined("--b\r\n\r\na\r\n")), "422 invalid_input, open"],
    ["no name", form(image('filename="a.png"')), "400 bad_request, open"],
    ["an empty name", form(image('name=""; filename="a.png"')), "422 invalid_input, open"],
    ["a name of 10 kB", form(image(), part(`name="${"n".repeat(7_000)}"`, "a")), "422 unknown_field, open"],
    ["the name __proto__", form(image(), part('name="__proto__"', "a")), "400 json_forbidden_key, open"],
    ["the name constructor", form(image(), part('name="constructor"', "a")), "400 json_forbidden_key, open"],
    ["a file named __proto__", form(image(), image('name="__proto__"; filename="a.png"')), "422 invalid_input, open"],
    ["a name in brackets", form(image(), part('name="title[__proto__]"', "a")), "422 unknown_field, open"],
    ["the same file twice", form(image(), image()), "422 invalid_input, open"],
    ["a text and a file of one name", form(part('name="photo"', "a"), image()), "422 invalid_input, open"],
    ["a text twice", form(image(), part('name="title"', "a"), part('name="title"', "b")), "422 invalid_input, open"],
    [
      "a part of JSON with __proto__",
      form(image(), part('name="title"\r\nContent-Type: application/json', '{"__proto__":1}')),
      "400 json_forbidden_key, open",
    ],
    [
      "another disposition",
      form(joined('--b\r\nContent-Disposition: attachment; name="photo"; filename="a.png"\r\n\r\n', png, "\r\n")),
      "422 invalid_input, open",
    ],
    ["an attachment without a type", form(part('name="photo"; filename="a.png"', png)), "200, open, a.png image/png 70"],
  ],
  boundaries: [
    ["70 characters", bounded("b".repeat(70)), "200, open, a.png image/png 70"],
    ["71 characters", bounded("b".repeat(71)), "200, open, a.png image/png 70"],
    ["5,000 characters", bounded("b".repeat(5_000)), "400 bad_request, open"],
    ["none", sent(joined(image(), end), "multipart/form-data"), "400 bad_request, open"],
    ["an empty one", sent(joined(image(), end), "multipart/form-data; boundary="), "400 bad_request, open"],
    ["two", sent(joined(image(), end), "multipart/form-data; boundary=b; boundary=c"), "200, open, a.png image/png 70"],
    [
      "two in the other order",
      sent(joined(image(), end), "multipart/form-data; boundary=c; boundary=b"),
      "400 bad_request, open",
    ],
    ["one in quotes", bounded("b", 'multipart/form-data; boundary="b"'), "200, open, a.png image/png 70"],
    ["one that the body does not have", sent(joined(image(), end), "multipart/form-data; boundary=c"), "400 bad_request, open"],
    [
      "lines that end with a line feed alone",
      sent(Buffer.from(joined(image(), end).toString("latin1").replaceAll("\r\n", "\n"), "latin1")),
      "400 bad_request, open",
    ],
  ],
  "names of files": [
    ["../../etc/passwd", named('filename="../../etc/passwd"'), "200, open, passwd image/png 70"],
    ["/etc/passwd", named('filename="/etc/passwd"'), "200, open, passwd image/png 70"],
    ["C:\\windows\\a.png", named('filename="C:\\windows\\a.png"'), "200, open, a.png image/png 70"],
    ["..", named('filename=".."'), "200, open, file image/png 70"],
    ["a null byte", named('filename="a.png\x00.exe"'), "200, open, a.png\\u{0}.exe image/png 70"],
    ["an encoded null byte", named('filename="a.png%00.exe"'), "200, open, a.png%00.exe image/png 70"],
    ["encoded slashes", named('filename="..%2f..%2fetc%2fpasswd"'), "200, open, ..%2f..%2fetc%2fpasswd image/png 70"],
    ["filename*", named("filename*=UTF-8''..%2f..%2fetc%2fpasswd"), "200, open, passwd image/png 70"],
    ["filename and filename*", named("filename=\"a.png\"; filename*=UTF-8''..%2fb.png"), "200, open, b.png image/png 70"],
    ["filename* of an unknown charset", named("filename*=x-evil''a.png"), "200, open, a.png image/png 70"],
    ["an empty name", named('filename=""'), "200, open, file image/png 70"],
    ["no name", form(part('name="photo"', png)), "422 invalid_input, open"],
    ["an open quotation mark", named('filename="a.png'), "200, open, a.png image/png 70"],
    ["CON", named('filename="CON"'), "200, open, CON image/png 70"],
    [
      "a name of 5,000 characters",
      named(`filename="${"n".repeat(5_000)}.png"`),
      "200, open, nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
    ],
  ],
};

const expectNothingLeft = async (): Promise<void> => {
  await expect.poll(left).toEqual([]);
  // Nearly all of maxUploadBytes: it is refused where an earlier call keeps its share.
  const large = joined(png, Buffer.alloc(140_000));
  const { said, answers } = await exchange(base, form(image(undefined, large)));
  expect([said, JSON.parse(answers[0]?.body ?? "")]).toEqual(["200, open", ["a.png", "image/png", large.length]]);
};

describe.each(Object.entries(groups))("the server checks uploads: %s", (_group, rows) => {
  test.each(rows)("the server gives an upload of a file the expected answer: %s", async (_title, bytes, expected) => {
    const { said, answers } = await exchange(base, bytes);
    const name = answers[0]?.status === 200 ? `, ${(JSON.parse(answers[0].body) as string[]).join(" ")}` : "";
    expect(said + name.slice(0, 42)).toBe(expected);
    await expectNothingLeft();
  });
});

test("the server removes all data of clients that leave in the middle of an uploaded file", async () => {
  const { port } = new URL(base);
  for (const length of [60, 150, 30_000]) {
    const socket = connect(Number(port), "127.0.0.1");
    const body = image(undefined, joined(png, Buffer.alloc(100_000))).subarray(0, length);
    await new Promise((taken) => socket.write(sent(body, undefined, 100_000), taken));
    if (length > 150) await expect.poll(left).toHaveLength(1);
    socket.destroy();
    await expectNothingLeft();
  }
  expect(app.log).toEqual([]);
});
