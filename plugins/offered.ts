// What the program and the gate suite use of the plugins' services. Services are compared by name, so both build and run
// without the folders of these plugins. test/plugins/offered.test.ts compiles only while the plugins offer all of it.

import type { Readable, Writable } from "node:stream";
import type { Kysely } from "kysely";
import type { Principal } from "../core/index.ts";
import { type Awaitable, type Operation, type ServiceRef, serviceRef } from "../core/plugin-api.ts";

export interface Requirement {
  /** `finance: 1 with role finance`. */
  readonly words: string;
  readonly approvers: readonly { readonly role?: string; readonly person?: string; readonly need: number }[];
  /** Only over these; absent: over all. */
  readonly surfaces?: readonly string[];
}

/** A request for approval. */
export interface ApprovalRecord {
  readonly id: string;
  readonly digest: string;
  readonly state: string;
  readonly requester: Pick<Principal, "subject" | "person" | "actsFor" | "credential">;
  readonly policy: { readonly kind: string; readonly anySurface: boolean; readonly denials: number };
  /** Milliseconds since the epoch. */
  readonly usableUntil?: number | undefined;
}

/** Of approval. */
export interface Approvals {
  requirementOf(operation: Operation): Requirement | undefined;
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
  ): Promise<{ readonly status: string }>;
}
export const approvalsRef: ServiceRef<Approvals> = serviceRef("approval");

/** Of audit. */
export interface Trail {
  readonly sinks: { readonly files: readonly string[]; readonly hasStdout: boolean };
}
export const auditRef: ServiceRef<Trail> = serviceRef("audit");

/** Of http. */
export interface Web {
  /** What stands outside of the pipeline: `POST /mcp`. */
  readonly mounted: readonly string[];
  /** `http://127.0.0.1:3000` once it listens. */
  readonly baseUrl: string | undefined;
  /** The OpenAPI 3.1 document; of all routes for `undefined`. */
  openApi(principal: Principal | undefined): Promise<object>;
}
export const httpRef: ServiceRef<Web> = serviceRef("http");

/** Of store. */
export interface Store {
  open(): Promise<{
    /** Milliseconds since the epoch, by the store's clock. */
    now(): Promise<number>;
    queries<Tables>(): Kysely<Tables>;
    read<Row>(query: Query): Promise<readonly Row[]>;
    apply(queries: readonly (Query & { readonly expects?: number })[]): Promise<unknown>;
  }>;
}
interface Query {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}
export const storeRef: ServiceRef<Store> = serviceRef("store");

/** Of mcp. */
export interface Stdio {
  serveStdio(streams: {
    readonly input: Readable;
    readonly output: Writable;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly say: (text: string) => void;
  }): Promise<void>;
}
export const mcpRef: ServiceRef<Stdio> = serviceRef("mcp");
