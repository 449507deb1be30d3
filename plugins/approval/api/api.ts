// Serves the JSON API for approvals. Approvers decide approval requests with their own programs, and requesters read the state of
// their approval requests. The API reads credentials only from the header Authorization, because browsers send cookies
// automatically.

import { timeOf as timeGiven } from "../../../core/diagnostics/given-time.ts";
import { type Principal, type Static, type TSchema, Type } from "../../../core/index.ts";
import { binderOf } from "../../../core/pipeline/bind.ts";
import { type Gate, type GivenInput, type JsonSchema, type Presented, parseJsonBytes } from "../../../core/plugin-api.ts";
import type { HttpService, KoaContext } from "../../http/service.ts";
import { approversSurface } from "../approvers.ts";
import { methodNotAllowed, noSuchPage, notJson } from "../errors.ts";
import type { ApprovalRecord } from "../record.ts";
import type { Approvals, Approver } from "../service.ts";
import type { Present, PresentFirst } from "../shown/index.ts";
import { listQuery, onRequest, revocationBody, voteBody } from "./schemas.ts";

export interface ApiParts {
  readonly http: HttpService;
  readonly gate: Pick<Gate, "enter" | "enterAgain">;
  readonly approvals: Approvals;
  readonly present: Present;
  readonly presentFirst: PresentFirst;
}

/**
 * Returns a function that binds and checks the input of an operation. The returned function throws {QuaterError} `invalid_input`
 * or `unknown_field`.
 */
const boundBy = <Schema extends TSchema>(schema: Schema): ((ctx: KoaContext, ...given: GivenInput[]) => Static<Schema>) => {
  const bind = binderOf(schema as unknown as JsonSchema);
  return (ctx, ...given) => bind([{ from: "query", isText: true, values: ctx.query }, ...given]) as Static<Schema>;
};

const listGiven = boundBy(listQuery);
const idGiven = boundBy(onRequest(Type.Object({})));
const voteGiven = boundBy(onRequest(voteBody));
const revocationGiven = boundBy(onRequest(revocationBody));

/** @param id  The id of the approval request, as the id appears in the normalised path of the URL. */
const inPath = (id: string): GivenInput => ({ from: "path", isText: true, values: { id: decodeURIComponent(id) } });

const via = "api";
const headers = { "cache-control": "no-store", "content-security-policy": "default-src 'none'; frame-ancestors 'none'" } as const;
const paths = /^\/approvals\/api\/requests(?:\/([^/]+)(?:\/(votes|revocation))?)?$/;

/**
 * Answers one HTTP request to the API. @throws {QuaterError} for every refusal. The plugin http converts the error to problem
 * details.
 */
export const serveApi = async (ctx: KoaContext, parts: ApiParts): Promise<void> => {
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
  const found = paths.exec(ctx.path);
  if (found === null) throw noSuchPage();
  const [, id, action] = found;
  allow(ctx, action === undefined ? "GET" : "POST");
  const approver = await approverOf(ctx, parts);
  const { principal } = approver;
  parts.approvals.assertApprover(principal);
  if (id === undefined) return list(ctx, parts, principal);
  if (action === undefined) return show(ctx, parts, principal, id);
  return action === "votes" ? vote(ctx, parts, approver, id) : revoke(ctx, parts, approver, id);
};

/** Answers a requester who reads or cancels their own approval request. */
export const serveOwnStatus = async (ctx: KoaContext, { gate, http, approvals }: ApiParts, segment: string): Promise<void> => {
  ctx.set("cache-control", "no-store");
  allow(ctx, "GET, DELETE");
  const callId = String(ctx.state["callId"]);
  const principal = await gate.enter({ surface: "http", credentials: http.credentials(ctx, "http"), callId });
  http.noteCaller(ctx, principal);
  const { id } = idGiven(ctx, inPath(segment));
  const asked = ctx.method === "DELETE" ? approvals.cancel(principal, "http", id) : approvals.statusOf(principal, "http", id);
  answer(ctx, await asked);
};

/** Authenticates an approver only by the Authorization header. */
const approverOf = async (ctx: KoaContext, { gate, http }: ApiParts): Promise<Approver> => {
  const request = http.credentials(ctx, approversSurface);
  const credentials: Presented = {
    surface: approversSurface,
    isLocal: false,
    header: (name) => (name === "authorization" ? request.header?.(name) : undefined),
    peer: request.peer,
  };
  const entry = { surface: approversSurface, credentials, callId: String(ctx.state["callId"]) };
  const principal = await gate.enter(entry);
  http.noteCaller(ctx, principal);
  return { principal, via, again: () => gate.enterAgain(entry, principal, Number.NEGATIVE_INFINITY) };
};

const allow = (ctx: KoaContext, methods: string): void => {
  if (methods.split(", ").includes(ctx.method === "HEAD" ? "GET" : ctx.method)) return;
  ctx.set("allow", methods);
  throw methodNotAllowed(methods);
};

const answer = (ctx: KoaContext, value: unknown): void => {
  ctx.type = "application/json; charset=utf-8";
  ctx.body = JSON.stringify(value);
};

const list = async (ctx: KoaContext, { approvals, presentFirst }: ApiParts, principal: Principal): Promise<void> => {
  const { state, since, ...given } = listGiven(ctx);
  const { requests, next } = await approvals.page(principal, {
    ...given,
    ...(state === undefined ? {} : { states: state }),
    ...(since === undefined ? {} : { since: timeGiven("since", since) }),
  });
  answer(ctx, {
    requests: requests.map((record) => ({
      ...summaryOf(record, approvals.urlOf(record.id)),
      firstArguments: presentFirst(record),
    })),
    ...(next === undefined ? {} : { next }),
  });
};

const show = async (ctx: KoaContext, parts: ApiParts, principal: Principal, segment: string): Promise<void> => {
  const { approvals } = parts;
  const { id } = idGiven(ctx, inPath(segment));
  const record = await approvals.show(principal, id);
  const obstacle = approvals.obstacle(principal, record);
  answer(ctx, {
    ...summaryOf(record, approvals.urlOf(id)),
    ...(obstacle === undefined ? {} : { obstacle }),
    // The presentation contains no secrets, and all its texts are safe to print, so other pages can show the presentation.
    shown: await parts.present(record, "full"),
  });
};

const vote = async (ctx: KoaContext, parts: ApiParts, approver: Approver, segment: string): Promise<void> => {
  const record = await parts.approvals.vote(approver, voteGiven(ctx, inPath(segment), await bodyOf(ctx, parts)));
  answer(ctx, summaryOf(record, parts.approvals.urlOf(record.id)));
};

const revoke = async (ctx: KoaContext, parts: ApiParts, approver: Approver, segment: string): Promise<void> => {
  const record = await parts.approvals.revoke(approver, revocationGiven(ctx, inPath(segment), await bodyOf(ctx, parts)));
  answer(ctx, summaryOf(record, parts.approvals.urlOf(record.id)));
};

const jsonType = /^application\/json\s*(?:;|$)/i;

const bodyOf = async (ctx: KoaContext, { http }: ApiParts): Promise<GivenInput> => {
  if (!jsonType.test(ctx.get("content-type"))) throw notJson();
  return { from: "body", isText: false, values: parseJsonBytes(await http.readBody(ctx)) };
};

const timeOf = (at: number): string => new Date(at).toISOString();

const summaryOf = (record: ApprovalRecord, url: string | undefined): object => {
  const { id, state, digest, app, handler, surface, requester, policyName, policy, votes, reason, use } = record;
  const { filedAt, pendingUntil, decidedAt, usableUntil } = record;
  return {
    id,
    state,
    ...(record.isErased ? { erased: true } : {}),
    digest,
    app,
    handler,
    surface,
    requester,
    policy: { name: policyName, ...policy },
    votes: votes.map(({ person, verdict, reason, via, at }) => ({ person, verdict, reason, via, at: timeOf(at) })),
    filedAt: timeOf(filedAt),
    pendingUntil: timeOf(pendingUntil),
    ...(decidedAt === undefined ? {} : { decidedAt: timeOf(decidedAt) }),
    ...(usableUntil === undefined ? {} : { usableUntil: timeOf(usableUntil) }),
    ...(reason === undefined ? {} : { reason }),
    ...(use === undefined ? {} : { use: { callId: use.callId, at: timeOf(use.at), outcome: use.outcome } }),
    ...(url === undefined ? {} : { url }),
  };
};
