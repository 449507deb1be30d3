// What an editor shows of a piece of code: errors, hovers and completions, asked from the compiler's language server.

import { spawn } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly items?: readonly unknown[] };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/**
 * Code in which `|>` marks a place. For the compiler, the code is a file of this folder, but the file is never written to the
 * disk.
 */
export interface Code {
  /** The text of each error, with its lines. */
  errors(): Promise<readonly string[]>;
  /** The type of the name at the mark, on one line. */
  hover(): Promise<string>;
  /** The names that may stand at the mark. */
  completions(): Promise<readonly string[]>;
}

export interface Editor extends Disposable {
  code(text: string): Code;
}

/** Starts a language server of its own. Dispose it to end the process. */
export const openEditor = async (): Promise<Editor> => {
  const server = spawn(process.execPath, [`${root}/node_modules/typescript/bin/tsc`, "--lsp", "--stdio"], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const asked = new Map<number, (message: Message) => void>();
  let last = 0;
  const send = (message: object): void => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  };
  const ask = async (method: string, params: object): Promise<unknown> => {
    const id = ++last;
    const answered = new Promise<Message>((resolve) => asked.set(id, resolve));
    send({ id, method, params });
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  const take = (message: Message): void => {
    if (message.method === undefined) asked.get(message.id ?? 0)?.(message);
    // The server asks for settings, too, and waits for an answer.
    else if (message.id !== undefined) send({ id: message.id, result: message.params?.items?.map(() => null) ?? null });
  };
  let rest = Buffer.alloc(0);
  server.stdout.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let head = rest.indexOf("\r\n\r\n"); head >= 0; head = rest.indexOf("\r\n\r\n")) {
      const end = head + 4 + Number(/Content-Length: (\d+)/i.exec(rest.subarray(0, head).toString())?.[1]);
      if (rest.length < end) return;
      take(JSON.parse(rest.subarray(head + 4, end).toString()) as Message);
      rest = rest.subarray(end);
    }
  });
  await ask("initialize", { processId: process.pid, rootUri: pathToFileURL(root).href, capabilities: {} });
  send({ method: "initialized", params: {} });
  let files = 0;
  return {
    code: (marked) => {
      const mark = marked.indexOf("|>");
      const text = marked.replace("|>", "");
      const before = text.slice(0, Math.max(mark, 0)).split("\n");
      const uri = `${pathToFileURL(root).href}test/types/shown-${files++}.ts`;
      const textDocument = { uri };
      const at = { textDocument, position: { line: before.length - 1, character: before.at(-1)?.length ?? 0 } };
      send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "typescript", version: 1, text } } });
      return {
        errors: async () => {
          const { items } = (await ask("textDocument/diagnostic", { textDocument })) as {
            items: { message: string; severity: number }[];
          };
          return items.filter(({ severity }) => severity === 1).map(({ message }) => message);
        },
        hover: async () => {
          const shown = (await ask("textDocument/hover", at)) as { contents: { value: string } } | null;
          return (shown?.contents.value ?? "").replaceAll(/\s+/g, " ");
        },
        completions: async () => {
          const found = (await ask("textDocument/completion", at)) as { items: { label: string }[] } | null;
          return (found?.items ?? []).map(({ label }) => label.replace(/\?$/, ""));
        },
      };
    },
    [Symbol.dispose]: () => void server.kill(),
  };
};
