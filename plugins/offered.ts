// Types for the parts of other plugin folders that the program, the gate suite, mcp and auth use. Quater compares services by
// name, and parts.ts loads the parts that no plugin offers as a service. So the importers of this file build and run without the
// other folders. The test test/plugins/offered.test.ts compiles only while the plugins offer everything in this file.

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
  /** The requirement in words, such as `finance: 1 with role finance`. */
  readonly words: string;
  readonly approvers: readonly { readonly role?: string; readonly person?: string; readonly need: number }[];
  /** The surfaces on which calls need approval. Absent: calls need approval on all surfaces. */
  readonly surfaces?: readonly string[];
}

/** The rules of a handler's approval policy, with the defaults of all options filled in. */
export interface Rules {
  /** The name of the approval policy. */
  readonly policy: string;
  /** The surfaces on which calls need approval. `null`: calls need approval on all surfaces. */
  readonly surfaces: readonly string[] | null;
  readonly approvers: Requirement["approvers"];
  /** `confirm`: the person for whom the caller acts may approve. `dual`: this person must not approve. */
  readonly kind: "dual" | "confirm";
  /** The number of denials that ends an approval request. */
  readonly denials: number;
  readonly pendingForMs: number;
  readonly usableForMs: number;
  /** Whether the requester may repeat the approved call over another surface. */
  readonly anySurface: boolean;
  /** Whether a requester without a person may make calls that need this approval. */
  readonly unattributed: boolean;
}

/** An approval request. */
export interface ApprovalRecord {
  readonly id: string;
  readonly digest: string;
  readonly state: string;
  readonly requester: Pick<Principal, "subject" | "person" | "actsFor" | "credential">;
  readonly policy: { readonly kind: string; readonly anySurface: boolean; readonly denials: number };
  /** The time until which the requester may use the approval, in milliseconds since the epoch. */
  readonly usableUntil?: number | undefined;
}

/** The service of the plugin approval. */
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

/** The part of an approval request's state that the requester may read. */
export interface OwnStatus {
  readonly status: string;
  /** The time at which the approval request expires, as ISO 8601 text. */
  readonly expiresAt: string;
  readonly url?: string;
}
export const approvalsRef: ServiceRef<Approvals> = serviceRef("approval");

/** The service of the plugin audit. */
export interface Trail {
  /**
   * Returns one secret for a label from each key in the key file, the current key first. Instances with one key file share
   * secrets.
   */
  deriveSecrets(label: string): readonly Buffer[];
  /** Records on the trail that Quater refused a request of a caller that is not a call, such as a command. */
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

/** The service of the plugin http. */
export interface Web {
  /** The mounted paths, such as `POST /mcp`. The pipeline does not protect these paths. */
  readonly mounted: readonly string[];
  /** The http() options that decide whose HTTP requests the server reads, such as `allowedOrigins`, with their entries. */
  readonly admits: Readonly<Record<string, readonly string[]>>;
  /** The URL of the server, such as `http://127.0.0.1:3000`; `undefined` until the server listens. */
  readonly baseUrl: string | undefined;
  /** The public origin of the server, such as `https://shop.example`; `undefined` if the origin is not configured. */
  readonly publicUrl: string | undefined;
  /** The address on which the server listens, and the host names that HTTP requests may contain besides loopback names. */
  readonly bound: { readonly host: string; readonly allowedHosts: readonly string[]; readonly isLoopback: boolean };
  /** The URL at which the server will listen; `undefined` if the http() options do not determine the URL. */
  readonly expectedUrl: string | undefined;
  /**
   * Returns the HTTP request that sends an input to the operation's route; `undefined` if the route cannot transport the input.
   */
  requestOf(
    operation: Operation,
    input: unknown,
  ): Promise<
    | {
        readonly method: string;
        /** The path of the HTTP request with the query. */
        readonly path: string;
        readonly headers: Readonly<Record<string, string>>;
        /** The body of the HTTP request as JSON text. */
        readonly body: string | undefined;
      }
    | undefined
  >;
  /** Returns the OpenAPI 3.1 document for a principal. The document for `undefined` contains all routes. */
  openApi(principal: Principal | undefined): Promise<object>;
  /** Mounts endpoints outside the pipeline. The server checks Host, Origin and headers before an endpoint runs. */
  mount(what: string, mounting: (koa: WebMounting) => void): void;
  statusOf(error: QuaterError): number;
  credentials(exchanged: WebExchange, surface: string): Presented;
  readBody(exchanged: WebExchange): Awaitable<Buffer>;
  /** Returns a cancellation that is triggered when the client of the HTTP request disconnects. */
  cancellation(exchanged: WebExchange): Cancellation;
  noteCaller(exchanged: WebExchange, principal: Principal): void;
  noteRun(exchanged: WebExchange, operation: Operation, outcome: Outcome): void;
  room(exchanged: WebExchange, use: "answer"): WebRoom;
}

export interface WebMounting {
  readonly endpoint: (path: string, endpoint: WebEndpoint) => void;
  /** Adds an endpoint for HTTP requests that no route and no mounted code has answered. */
  readonly fallback: (method: string, path: string, endpoint: WebEndpoint) => void;
}

/** The memory for large answers to one client. */
export interface WebRoom extends AnswerRoom {
  /** Waits until bytes may be written. Returns a function that frees the memory; `undefined` if the client has disconnected. */
  take(bytes: number): Awaitable<(() => void) | undefined>;
}

export interface WebExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

export interface WebRequest extends WebExchange {
  readonly callId: string;
  /** Sets the headers that every answer has. Call this function before the endpoint writes to `res`. */
  readonly takeOver: () => void;
}

export interface WebReply {
  readonly status: number;
  /** The names of the HTTP headers in lower case and their values, one after the other. */
  readonly headers: readonly (string | string[])[];
  readonly body: string;
}

export type WebEndpoint = (request: WebRequest) => Awaitable<WebReply | undefined>;
export const httpRef: ServiceRef<Web> = serviceRef("http");

/** The option `accept` of cli(): the reasons for accepted findings of `quater check`, by the codes of the findings. */
export const acceptedRef: ServiceRef<Readonly<Record<string, string>>> = serviceRef("cli-accept");

/** The commands of approval and of audit that remote callers may run: see `RemoteRead`. */
export const approvalReadsRef: ServiceRef<readonly RemoteRead[]> = serviceRef("approval-reads");
export const auditReadsRef: ServiceRef<readonly RemoteRead[]> = serviceRef("audit-reads");

/** The server side of one command. The program on the caller's computer prints the outputs of `run`. */
export interface RemoteRead {
  /** The words of the command, such as `audit tail`. */
  readonly command: string;
  /** The right that the caller needs. The caller has the right with the scope `remote:<right>`. */
  readonly right: "run" | "approvals" | "audit" | "explain" | "exposure";
  /**
   * The schema of the command's input, an object. Leave out inputs that name files, because the server would read its own files.
   */
  readonly input: object;
  /** Runs the command. The command must not change anything. @returns The exit code; `undefined` means 0. */
  readonly run: (input: never, io: CommandIo, caller: RemoteCaller) => Awaitable<number | undefined>;
}

/** The part of a `RemoteRead` that the program on the caller's computer contains: the words, the flags and the help. */
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
  /** Returns the credentials in the caller's HTTP request as a surface would get them. */
  readonly credentialsOn: (surface: string) => Presented;
}

/** The service of the plugin store. */
export interface Store {
  /** Registers the tables of a plugin. Plugins call this function in `setup`. */
  register(plugin: string, migrations: readonly Migration[]): void;
  open(): Promise<{
    readonly sql: Sql;
    /** An expression for the time of the store's clock inside a query, in milliseconds since the epoch. */
    readonly clock: RawBuilder<number>;
    /** Returns the time of the store's clock, in milliseconds since the epoch. */
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

/** The service of the plugin mcp. */
export interface Stdio {
  serveStdio(streams: {
    readonly input: Readable;
    readonly output: Writable;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly say: (text: string) => void;
  }): Promise<void>;
}
export const mcpRef: ServiceRef<Stdio> = serviceRef("mcp");

/** The part of the plugin folder auth that `quater keys` uses. */
export interface ApiKeys {
  /** @param root  The folder of the project. */
  keyCommands(root: string): readonly PluginCommand[];
}

/** The path of the file with the development key, relative to the project's folder. Only the owner of the file can read it. */
export const developmentKeyFile = ".quater/development-key";
export const demoApproverKeyFile = ".quater/demo-approver-key";

/**
 * The part of the plugin folder auth for keys that `quater dev` accepts and `quater serve` refuses. `developmentKey` and
 * `demoApproverKey` return a key, and create the key when the key is missing.
 */
export interface DevelopmentKeys {
  /** @param rights  The rights that the development key has from now on. */
  developmentKey(root: string, rights: { readonly scopes: readonly string[]; readonly roles: readonly string[] }): string;
  demoApproverKey(root: string, roles: readonly string[]): string;
  isDevelopmentKey(root: string, key: string): boolean;
}

/** The part of the gate suite that `quater check --gate` uses. */
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

/** Sample inputs by handler, and principals that satisfy the functions of policies. */
export interface GateSamples {
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly principals?: Readonly<Record<string, object>>;
}

/** The commands whose help plugins/command-groups.ts loads, by the first word of the command. These commands cannot run. */
export type CommandGroups = Readonly<Partial<Record<"approvals" | "audit" | "store", () => Promise<readonly PluginCommand[]>>>>;

export interface ReadDefinitions {
  readonly remoteDefinitions: readonly RemoteDefinition[];
}

/** The part of the plugin folder approval that `quater approvals wait --remote NAME` uses. */
export interface WaitCommand {
  /** @param untilDecided  Waits for the decision of the approvers about the caller's own approval request. */
  waitCommand(untilDecided: (id: string, signal: AbortSignal) => Promise<OwnStatus>): PluginCommand;
}

/** The parts of plugin folders that plugins/parts.ts loads. */
export interface Parts {
  readonly apiKeys?: () => Promise<ApiKeys>;
  readonly developmentKeys?: () => Promise<DevelopmentKeys>;
  readonly gateCheck?: () => Promise<GateCheck>;
  readonly approvalReads?: () => Promise<ReadDefinitions & WaitCommand>;
  readonly auditReads?: () => Promise<ReadDefinitions>;
}
