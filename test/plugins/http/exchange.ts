// Raw bytes on one connection: every answer that comes back, and whether the server then closes the connection.

import { connect } from "node:net";

export interface OneAnswer {
  readonly status: number;
  /** Of problem details. */
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Exchange {
  readonly answers: readonly OneAnswer[];
  /** "open": the connection carried one more request. */
  readonly connection: "open" | "closed";
  /** `200, 400 bad_request, closed`. */
  readonly said: string;
}

const lastPath = "/the-last-request";
const lastRequest = `GET ${lastPath} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/**
 * Sends the bytes. When an answer has come, sends one more request on the same connection: it is answered, or the server closes
 * the connection. Pieces of the bytes are sent one after the other, each when the system has taken the one before.
 */
export const exchange = (baseUrl: string, ...pieces: readonly (string | Buffer)[]): Promise<Exchange> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(baseUrl);
    const isHead = String(pieces[0]).startsWith("HEAD ");
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let text = "";
    let isLastSent = false;
    const settle = (connection: Exchange["connection"]) => {
      socket.destroy();
      const answers = answersIn(text, isHead).filter(({ body }) => !body.includes(lastPath));
      const told = answers.map(({ status, code }) => (code === undefined ? `${status}` : `${status} ${code}`));
      resolve({ answers, connection, said: [...told, connection].join(", ") });
    };
    socket.on("connect", async () => {
      for (const piece of pieces) await new Promise((taken) => socket.write(piece, "latin1", taken));
    });
    socket.on("data", (part: Buffer) => {
      text += part.toString("latin1");
      const answers = answersIn(text, isHead);
      if (answers.some(({ body }) => body.includes(lastPath))) return settle("open");
      if (isLastSent || !answers.some(({ status }) => status >= 200)) return;
      isLastSent = true;
      socket.write(lastRequest);
    });
    socket.on("end", () => settle("closed"));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") settle("closed");
      else reject(error);
    });
  });

/** The whole answers that are in a text. @param isHead  The first request was HEAD, so its answer has no body. */
const answersIn = (text: string, isHead: boolean): readonly OneAnswer[] => {
  const found: OneAnswer[] = [];
  for (let at = 0; ; ) {
    const end = text.indexOf("\r\n\r\n", at);
    if (end === -1) return found;
    const [first = "", ...lines] = text.slice(at, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    if (Number.isNaN(status)) throw new Error(`No answer begins with ${JSON.stringify(first)}`);
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const hasBody = status >= 200 && status !== 204 && status !== 304 && !(isHead && !found.some((one) => one.status >= 200));
    const bodyEnd = end + 4 + (hasBody ? Number(headers["content-length"] ?? 0) : 0);
    if (text.length < bodyEnd) return found;
    const body = text.slice(end + 4, bodyEnd);
    const isProblem = headers["content-type"] === "application/problem+json" && body !== "";
    found.push({ status, code: isProblem ? (JSON.parse(body) as { code: string }).code : undefined, headers, body });
    at = bodyEnd;
  }
};
