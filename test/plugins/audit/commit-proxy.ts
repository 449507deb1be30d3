// A TCP proxy in front of PostgreSQL that takes the answer to a commit away: the server commits, and the client does not learn it.

import { createServer, connect as dial, type Socket } from "node:net";

export interface CommitProxy {
  /** The address of the database through the proxy. */
  readonly url: string;
  /**
   * Breaks all connections after the next commit of a transaction that sent this text, and takes no others. Resolves once the server has
   * committed.
   */
  readonly cutAtCommit: (of: string) => Promise<void>;
  /** Takes connections again. */
  readonly open: () => void;
  readonly close: () => void;
}

/** @param to  The url of the database. */
export const commitProxy = async (to: string): Promise<CommitProxy> => {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  let isOpen = true;
  let awaited: { readonly of: string; readonly resolve: () => void } | undefined;
  const cut = () => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (!isOpen) return void client.destroy();
    const database = dial(Number(port), hostname);
    let hasText = false;
    let isCommitting = false;
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (part) => {
      hasText ||= awaited !== undefined && part.includes(awaited.of);
      isCommitting ||= hasText && part.includes("commit\0");
      database.write(part);
    });
    database.on("data", (part) => {
      if (!isCommitting) return void client.write(part);
      if (!part.includes("COMMIT\0")) return;
      cut();
      awaited?.resolve();
      awaited = undefined;
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const own = (server.address() as { readonly port: number }).port;
  return {
    url: Object.assign(new URL(to), { hostname: "127.0.0.1", port: String(own) }).href,
    cutAtCommit: (of) =>
      new Promise((resolve) => {
        awaited = { of, resolve };
      }),
    open: () => {
      isOpen = true;
    },
    close: () => {
      cut();
      server.close();
    },
  };
};
