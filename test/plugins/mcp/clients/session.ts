// How the driver uses a client. The wrapper of each client library has this interface.

/** How a client reaches the app, from the arguments of the driver. */
export interface Way {
  readonly client: string;
  readonly over: "http" | "stdio";
  readonly url: string;
  readonly token: string;
  /** Starts the stdio server. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

export interface Called {
  readonly isError: boolean;
  readonly text: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: unknown) => void;
}

export interface Session {
  readonly list: () => Promise<readonly string[]>;
  /** Calls a tool. Rejects when the client refuses the call or the answer. */
  readonly call: (name: string, values: Readonly<Record<string, unknown>>, options?: CallOptions) => Promise<Called>;
  /** Subscribes to a resource. Absent if the client has no subscriptions, or the revision has none over HTTP. */
  readonly watch?: (uri: string, onUpdated: (uri: string) => void) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Connects. @param timeoutMs  The client's own time-out for calls, milliseconds. */
export type Open = (way: Way, timeoutMs?: number) => Promise<Session>;

export interface Result {
  readonly isError?: unknown;
  readonly content?: unknown;
}

export const calledOf = ({ isError, content }: Result): Called => ({
  isError: isError === true,
  text: (content as readonly { readonly text?: string }[]).map(({ text = "" }) => text).join(""),
});

export const bearer = ({ token }: Way): Record<string, string> => ({ authorization: `Bearer ${token}` });
export const environment = ({ token }: Way): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  QUATER_MCP_TOKEN: token,
});
