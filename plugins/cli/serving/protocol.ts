// The protocol `quater-actions.v2` between `quater ... --remote NAME` and a server. The program and the server import this file.

import type { ErrorKind, FieldError } from "../../../core/plugin-api.ts";

export const protocol = "quater-actions.v2";

/** The paths of the remote endpoints. The program never uses a path or a host that an answer of a server names. */
export const paths = {
  document: "/.well-known/quater-actions.json",
  call: "/__quater__/actions/call",
  read: "/__quater__/actions/read",
} as const;

/** The media type of an answer in several lines. Each line is one JSON text, and the last line is an `Envelope`. */
export const linesType = "application/x-ndjson";

/** The sources of input that errors of calls name. */
export const sources = ["flags", "arguments", "environment", "input"] as const;

/** One part of the input of a call: the values from one source. */
export interface Part {
  readonly from: (typeof sources)[number];
  /** Whether the values are texts that the server must convert by the input schema, such as the values of flags. */
  readonly isText: boolean;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The body of an HTTP request that calls an action. */
export interface CallBody {
  readonly protocol: typeof protocol;
  readonly action: string;
  readonly parts: readonly Part[];
  readonly dryRun?: boolean;
  readonly approvalId?: string;
}

/** The body of an HTTP request that runs a command that reads, such as `audit tail`. */
export interface ReadBody {
  readonly protocol: typeof protocol;
  /** The words of the command, such as `audit tail`. */
  readonly command: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Whether the caller's program prints JSON. */
  readonly isJson: boolean;
}

/** One output of a command that reads. The last line of the answer contains the exit code of the command: `{ code: 0 }`. */
export type Printed =
  /** A value that the caller's program formats. */
  | { readonly show: unknown }
  /** A text that is part of the result of the command. */
  | { readonly write: string }
  /** A text for the person at the terminal that is not part of the result of the command. */
  | { readonly say: string };

/** An error of a call. The error has the same fields on all surfaces. The server never sends the field `hint` of an error. */
export interface ErrorBody {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly callId: string;
  readonly errors?: readonly FieldError[];
  /** More data about the error, such as the id, the link and the expiry of an approval request. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
}

/** The data with which a client gets a token by a device login (RFC 8628), so that no person must type a token. */
export interface Login {
  /** The URL of the authorization server. */
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
}

/** The outcome of an HTTP request. The envelope is the whole body of an answer, or the last line of an answer in lines. */
export type Envelope =
  | { readonly protocol: typeof protocol; readonly ok: true; readonly callId: string; readonly value?: unknown }
  | {
      readonly protocol: typeof protocol;
      readonly ok: false;
      readonly error: ErrorBody;
      /** The data for a device login. The server sends `login` only to a caller without a valid credential. */
      readonly login?: Login;
    };

/** A line of an answer before the last line. An empty line only keeps the connection open. */
export type Line =
  | { readonly progress: { readonly fraction: number; readonly message?: string } }
  /** An item of a stream, or a `Printed` of a command that reads. */
  | { readonly item: unknown }
  /** A part of the bytes of a file, in Base64 text. */
  | { readonly bytes: string };

/** An action in the document of a server. */
export interface Action {
  readonly name: string;
  readonly description: string;
  readonly effect: "read" | "write" | "destructive";
  readonly auth: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output?: Readonly<Record<string, unknown>>;
  readonly isStream: boolean;
  readonly needsApproval: boolean;
  /** The people who must approve a call of the action. */
  readonly requirement?: { readonly words: string };
  readonly problems: readonly { readonly code: string; readonly kind?: ErrorKind }[];
}

/** The document at `/.well-known/quater-actions.json`, which contains the actions that the caller may run. */
export interface ActionList {
  readonly protocol: typeof protocol;
  readonly service: { readonly name: string; readonly version: string };
  readonly actions: readonly Action[];
}

/**
 * The rights that remote commands need. A credential has the scope of a right only if the creator of the credential granted it.
 */
export const rights = ["run", "approvals", "audit", "explain", "exposure"] as const;
export type Right = (typeof rights)[number];

/** Returns the scope of a right, such as `remote:run` for the right `run`. */
export const scopeOf = (right: Right): string => `remote:${right}`;
