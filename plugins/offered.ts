// The types of what the program, the gate suite, mcp and auth use of the other plugin folders. Services are compared by name, and
// parts.ts loads parts that no plugin offers. So this code builds and runs without these folders. test/plugins/offered.test.ts
// compiles only while the plugins offer everything listed here.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable, Writable } from "node:stream";
import type { Kysely, RawBuilder, Sql } from "kysely";
import type { Manifest, Principal, QuaterError } from "../core/index.ts";
import {
  type AnswerRoom,
  type Awaitable,
  type Cancellation,
  type CommandIo,
  type Operation,
  type Outcome,
  type PluginCommand,
  type Presented,
  type ServiceRef,
  serviceRef,
} from "../core/plugin-api.ts";

export interface Requirement {
  /** The name of the approval policy. */
  readonly policy: string;
  /** The requirement in words: `finance: 1 with role finance`. */
  readonly words: string;
  readonly approvers: readonly { readonly role?: string; readonly person?: string; readonly need: number }[];
  /** The surfaces on which approval is needed. Absent: all surfaces. */
  readonly surfaces?: readonly string[];
}

/** The rules of a handler's approval policy, with all defaults filled in. */
export interface Rules {
  /** The name of the approval policy. */
  readonly policy: string;
  /** The surfaces on which approval is needed. `null`: all surfaces. */
  readonly surfaces: readonly string[] | null;
  readonly approvers: Requirement["approvers"];
  /** `confirm`: the person for whom the caller acts may approve. */
  readonly kind: "dual" | "confirm";
  /** How many denials end a request. */
  readonly denials: number;
  readonly pendingForMs: number;
  readonly usableForMs: number;
  /** Whether the approved call may be repeated over another surface. */
  readonly anySurface: boolean;
  /** Whether a requester without a person may make calls that need this approval. */
  readonly unattributed: boolean;
}

/** A request for approval. */
export interface ApprovalRecord {
  readonly id: string;
  readonly digest: string;
  readonly state: string;
  readonly requester: Pick<Principal, "subject" | "person" | "actsFor" | "credential">;
  readonly policy: { readonly kind: string; readonly anySurface: boolean; readonly denials: number };
  /** The time until which the approval may be used, milliseconds since the epoch. */
  readonly usableUntil?: number | undefined;
}

/** The service of approval. */
export interface Approvals {
  requirementOf(operation: Operation): Requirement | undefined;
  rulesOf(operation: Operation): Rules | undefined;
  urlOf(id: string): string | undefined;
  list(
    approver: Principal,
    given: { readonly states: readonly ["pending"]; readonly handler: string },
  ): Promise<readonly ApprovalRecord[]>;
  show(approver: Principal, id: string): Promise<ApprovalRecord>;
  vote(
    approver: { readonly principal: Principal; readonly via: string },
    given: { readonly id: string; readonly verdict: "approve" | "deny"; readonly digest: string },
  ): Promise<ApprovalRecord>;
  revoke(
    approver: { readonly principal: Principal; readonly via: string },
    given: { readonly id: string },
  ): Promise<ApprovalRecord>;
  untilDecided(
    enter: () => Awaitable<Principal>,
    surface: string,
    id: string,
    how: { readonly signal: AbortSignal; readonly asked?: () => void },
  ): Promise<OwnStatus>;
}

/** The part of a request's state that its requester may read. */
export interface OwnStatus {
  readonly status: string;
  /** ISO 8601 text. */
  readonly expiresAt: string;
  readonly url?: string;
}
export const approvalsRef: ServiceRef<Approvals> = serviceRef("approval");

/** The service of audit. */
export interface Trail {
  /** Returns a secret for a label from every key in the key file, the current key first. Instances that share the file share them. */
  deriveSecrets(label: string): readonly Buffer[];
  /** Records that a caller was refused outside of a call. */
  refused(fields: {
    readonly callId: string;
    readonly surface: string;
    readonly principal: Pick<Principal, "issuer" | "subject" | "kind" | "credential">;
    readonly errorCode: string;
    readonly detail: object;
    readonly remote?: true;
    readonly peer?: string;
  }): void;
  readonly sinks: { readonly files: readonly string[]; readonly hasStdout: boolean };
}
export const auditRef: ServiceRef<Trail> = serviceRef("audit");

/** The service of http. */
export interface Web {
  /** The mounted paths, which the pipeline does not protect: `POST /mcp`. */
  readonly mounted: readonly string[];
  /** The entries of the options that decide whose requests are read, by the name of the option: `allowedOrigins`. */
  readonly admits: Readonly<Record<string, readonly string[]>>;
  /** The URL of the server, `http://127.0.0.1:3000`, once it listens. */
  readonly baseUrl: string | undefined;
  /** The public origin, `https://shop.example`, if it is configured. */
  readonly publicUrl: string | undefined;
  /** The address on which the server listens, and the hosts that requests may name besides loopback names. */
  readonly bound: { readonly host: string; readonly allowedHosts: readonly string[]; readonly isLoopback: boolean };
  /** The URL at which the server will listen, from its options; `undefined` if the options do not tell it. */
  readonly expectedUrl: string | undefined;
  /** Writes an input as a request of the operation's route; `undefined` if the route cannot carry the input. */
  requestOf(
    operation: Operation,
    input: unknown,
  ): Promise<
    | {
        readonly method: string;
        /** The path with the query. */
        readonly path: string;
        readonly headers: Readonly<Record<string, string>>;
        /** JSON text. */
        readonly body: string | undefined;
      }
    | undefined
  >;
  /** Returns the OpenAPI 3.1 document; with all routes for `undefined`. */
  openApi(principal: Principal | undefined): Promise<object>;
  /** Mounts endpoints outside the pipeline. The checks of Host, Origin and headers run before them. */
  mount(what: string, mounting: (koa: WebMounting) => void): void;
  statusOf(error: QuaterError): number;
  credentials(exchanged: WebExchange, surface: string): Presented;
  readBody(exchanged: WebExchange): Awaitable<Buffer>;
  /** Returns a cancellation that is triggered when the client leaves. */
  cancellation(exchanged: WebExchange): Cancellation;
  noteCaller(exchanged: WebExchange, principal: Principal): void;
  noteRun(exchanged: WebExchange, operation: Operation, outcome: Outcome): void;
  room(exchanged: WebExchange, use: "answer"): WebRoom;
}

export interface WebMounting {
  readonly endpoint: (path: string, endpoint: WebEndpoint) => void;
  /** Answers requests that no route and no mounted code has answered. */
  readonly fallback: (method: string, path: string, endpoint: WebEndpoint) => void;
}

/** The memory for large answers to one client. */
export interface WebRoom extends AnswerRoom {
  /** Waits until bytes may be written. Returns a function that frees the memory; `undefined` if the client has left. */
  take(bytes: number): Awaitable<(() => void) | undefined>;
}

export interface WebExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

export interface WebRequest extends WebExchange {
  readonly callId: string;
  /** Sets the headers that every answer has, before the endpoint itself writes to `res`. */
  readonly takeOver: () => void;
}

export interface WebReply {
  readonly status: number;
  /** Lower-case header names and values, one after the other. */
  readonly headers: readonly (string | string[])[];
  readonly body: string;
}

export type WebEndpoint = (request: WebRequest) => Awaitable<WebReply | undefined>;
export const httpRef: ServiceRef<Web> = serviceRef("http");

/** The option `accept` of cli(): the reasons for accepted findings of `quater check`, by their codes. */
export const acceptedRef: ServiceRef<Readonly<Record<string, string>>> = serviceRef("cli-accept");

/** The commands that approval and audit let remote callers run: see `RemoteRead`. */
export const approvalReadsRef: ServiceRef<readonly RemoteRead[]> = serviceRef("approval-reads");
export const auditReadsRef: ServiceRef<readonly RemoteRead[]> = serviceRef("audit-reads");

/** The server side of one command. The program on the caller's computer prints what `run` shows, writes and says. */
export interface RemoteRead {
  /** The words of the command: `audit tail`. */
  readonly command: string;
  /** The right that the caller needs: the scope `remote:<right>`. */
  readonly right: "run" | "approvals" | "audit" | "explain" | "exposure";
  /** The schema of the input, an object. Leave out inputs that name files, because the files would be files of the server. */
  readonly input: object;
  /** Runs the command. Must not change anything. @returns The exit code; `undefined` means 0. */
  readonly run: (input: never, io: CommandIo, caller: RemoteCaller) => Awaitable<number | undefined>;
}

/** The part of a `RemoteRead` that the program on the caller's computer knows: the words, the flags and the help. */
export interface RemoteDefinition {
  readonly path: readonly string[];
  readonly description: string;
  readonly input: object;
  readonly positional?: readonly string[];
  readonly example: string;
}

export interface RemoteCaller {
  readonly principal: Principal;
  readonly callId: string;
  /** Returns the credentials of the caller's request as the surface would get them. */
  readonly credentialsOn: (surface: string) => Presented;
}

/** The service of store. */
export interface Store {
  /** Registers a plugin's tables, in `setup`. */
  register(plugin: string, migrations: readonly Migration[]): void;
  open(): Promise<{
    readonly sql: Sql;
    /** The store's clock inside a query, milliseconds. */
    readonly clock: RawBuilder<number>;
    /** Returns the time of the store's clock, milliseconds since the epoch. */
    now(): Promise<number>;
    queries<Tables>(): Kysely<Tables>;
    read<Row>(query: Query): Promise<readonly Row[]>;
    apply(queries: readonly (Query | (Statement & { readonly expects?: number }))[]): Promise<unknown>;
  }>;
}
interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}
type Query = Statement | { compile(): Statement & { readonly query: unknown } };
/** One step in the migration of a plugin's tables. */
export interface Migration {
  readonly version: number;
  readonly tables: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: tables do not exist yet, so no type can name them
  readonly up: (build: Kysely<any>) => readonly Query[];
}
export const storeRef: ServiceRef<Store> = serviceRef("store");

/** The service of mcp. */
export interface Stdio {
  serveStdio(streams: {
    readonly input: Readable;
    readonly output: Writable;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly say: (text: string) => void;
  }): Promise<void>;
}
export const mcpRef: ServiceRef<Stdio> = serviceRef("mcp");

/** The part of auth for `quater keys`. */
export interface ApiKeys {
  /** @param root  The folder of the project. */
  keyCommands(root: string): readonly PluginCommand[];
}

/** The file with the development key, relative to the project's folder. Only the owner of this file can read the file. */
export const developmentKeyFile = ".quater/development-key";
export const demoApproverKeyFile = ".quater/demo-approver-key";

/**
 * The part of auth for keys that `quater dev` accepts and `quater serve` refuses. Both functions return the key, and create it
 * when it is missing.
 */
export interface DevelopmentKeys {
  /** @param rights  The rights of the key from now on. */
  developmentKey(root: string, rights: { readonly scopes: readonly string[]; readonly roles: readonly string[] }): string;
  demoApproverKey(root: string, roles: readonly string[]): string;
  isDevelopmentKey(root: string, key: string): boolean;
}

/** The gate suite. */
export interface GateCheck {
  gateSuite(
    manifest: Manifest,
    options: GateSamples & {
      readonly root: string;
      readonly resources?: "real";
      readonly onProgress: (done: number, all: number, what: string) => void;
    },
  ): Promise<{
    readonly isGreen: boolean;
    readonly holes: readonly string[];
    readonly rows: readonly object[];
    print(): string;
  }>;
}

/** Accepted inputs by handler, and the rights that a policy function needs of the principal. */
export interface GateSamples {
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly principals?: Readonly<Record<string, object>>;
}

/** The commands that plugins/command-groups.ts loads for their help, by the word with which they begin. They cannot run. */
export type CommandGroups = Readonly<Partial<Record<"approvals" | "audit" | "store", () => Promise<readonly PluginCommand[]>>>>;

export interface ReadDefinitions {
  readonly remoteDefinitions: readonly RemoteDefinition[];
}

/** The part of approval for `quater approvals wait --remote NAME`. */
export interface WaitCommand {
  /** @param untilDecided  Waits for the decision of the caller's own request. */
  waitCommand(untilDecided: (id: string, signal: AbortSignal) => Promise<OwnStatus>): PluginCommand;
}

/** The parts that plugins/parts.ts loads. */
export interface Parts {
  readonly apiKeys?: () => Promise<ApiKeys>;
  readonly developmentKeys?: () => Promise<DevelopmentKeys>;
  readonly gateCheck?: () => Promise<GateCheck>;
  readonly approvalReads?: () => Promise<ReadDefinitions & WaitCommand>;
  readonly auditReads?: () => Promise<ReadDefinitions>;
}
