// The protocol between `quater ... --remote NAME` and a server: quater-actions.v2. Both sides import this file.

import type { ErrorKind, FieldError } from "../../../core/plugin-api.ts";

export const protocol = "quater-actions.v2";

/** The paths of the endpoints. The program never takes a path or a host from a server's document. */
export const paths = {
  document: "/.well-known/quater-actions.json",
  call: "/__quater__/actions/call",
  read: "/__quater__/actions/read",
} as const;

/** The media type of an answer in several lines, each of which is one JSON text. The last line is an `Envelope`. */
export const linesType = "application/x-ndjson";

/** The sources of input, as errors name them. */
export const sources = ["flags", "arguments", "environment", "input"] as const;

/** One part of the input of a call. */
export interface Part {
  readonly from: (typeof sources)[number];
  /** Whether the values are texts that the server must convert by the schema, such as the values of flags. */
  readonly isText: boolean;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The body of a call. */
export interface CallBody {
  readonly protocol: typeof protocol;
  readonly action: string;
  readonly parts: readonly Part[];
  readonly dryRun?: boolean;
  readonly approvalId?: string;
}

/** The body of a command that reads, such as `audit tail`. */
export interface ReadBody {
  readonly protocol: typeof protocol;
  /** The words of the command: `audit tail`. */
  readonly command: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Whether the caller's program prints JSON. */
  readonly isJson: boolean;
}

/** One output of a command that reads. The value of the last line is the exit code: `{ code: 0 }`. */
export type Printed =
  /** A value, which the caller's program formats. */
  | { readonly show: unknown }
  /** A text of the result. */
  | { readonly write: string }
  /** A text for the person, which is not a part of the result. */
  | { readonly say: string };

/** An error of a call. The fields are those of the error on other surfaces. `hint` never leaves the server. */
export interface ErrorBody {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly callId: string;
  readonly errors?: readonly FieldError[];
  /** More data, such as the id, the link and the expiry of an approval request. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
}

/** How a client gets a token without typing it (RFC 8628). */
export interface Login {
  /** The URL of the authorization server. */
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
}

/** How a request ended: the whole body of an answer, or the last line of an answer in lines. */
export type Envelope =
  | { readonly protocol: typeof protocol; readonly ok: true; readonly callId: string; readonly value?: unknown }
  | {
      readonly protocol: typeof protocol;
      readonly ok: false;
      readonly error: ErrorBody;
      /** Only in an answer to a caller without a valid credential. */
      readonly login?: Login;
    };

/** A line before the last line. An empty line keeps the connection open. */
export type Line =
  | { readonly progress: { readonly fraction: number; readonly message?: string } }
  /** An item of a stream, or a `Printed` of a command that reads. */
  | { readonly item: unknown }
  /** A part of a file, in Base64. */
  | { readonly bytes: string };

/** An action as the document describes it. */
export interface Action {
  readonly name: string;
  readonly description: string;
  readonly effect: "read" | "write" | "destructive";
  readonly auth: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output?: Readonly<Record<string, unknown>>;
  readonly isStream: boolean;
  readonly needsApproval: boolean;
  /** Who must approve a call. */
  readonly requirement?: { readonly words: string };
  readonly problems: readonly { readonly code: string; readonly kind?: ErrorKind }[];
}

/** The document at `/.well-known/quater-actions.json`: the actions that the caller may run. */
export interface ActionList {
  readonly protocol: typeof protocol;
  readonly service: { readonly name: string; readonly version: string };
  readonly actions: readonly Action[];
}

/** The rights that remote commands need. A credential has none of these scopes unless it was created with it. */
export const rights = ["run", "approvals", "audit", "explain", "exposure"] as const;
export type Right = (typeof rights)[number];

/** Returns the scope of a right: `remote:run`. */
export const scopeOf = (right: Right): string => `remote:${right}`;
