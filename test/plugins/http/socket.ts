// Raw bytes to a listening server and what came back, for requests that no client library would send.

import { connect } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly text: string;
}

/** Sends the bytes and reads until the server closes, or until one whole answer is there. */
export const raw = (baseUrl: string, bytes: string | Buffer, { keepOpen = false } = {}): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(baseUrl);
    const socket = connect(Number(port), hostname, () => (keepOpen ? socket.write(bytes) : socket.end(bytes)));
    let text = "";
    const settle = () => {
      socket.destroy();
      resolve(parse(text));
    };
    socket.on("data", (part) => {
      text += part.toString("utf8");
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      const start = text.indexOf("\r\n\r\n");
      if (length !== undefined && start !== -1 && text.length >= start + 4 + Number(length)) settle();
    });
    socket.on("end", settle);
    socket.on("error", (error) => (text === "" ? reject(error) : settle()));
  });

const parse = (text: string): RawAnswer => {
  const [head = "", body = ""] = text.split(/\r\n\r\n(.*)/s);
  const [first = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { status: Number(first.split(" ")[1]), headers, body, text };
};

/** The head of a request whose answer closes the connection. */
export const head = (line: string, ...headers: string[]): string =>
  [line, "Host: 127.0.0.1", "Connection: close", ...headers, "", ""].join("\r\n");

/** The answer without what differs between two answers to one request: the order of headers, ids and the time. */
export const answerTo = async (baseUrl: string, bytes: string) => {
  const { text } = await raw(baseUrl, bytes, { keepOpen: true });
  const last = text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, "");
  const [id = "-"] = /(?<=x-request-id: )\S+/.exec(last) ?? [];
  const [headers = "", body] = last.replaceAll(id, "<id>").split(/\r\n\r\n(.*)/s);
  const [status, ...lines] = headers.split("\r\n").map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
  return { status, lines: lines.filter((line) => !line.startsWith("date:")).sort(), body, isAsked: last !== text };
};
