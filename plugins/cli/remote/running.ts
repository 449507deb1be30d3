// Runs actions on a remote: `quater run --remote NAME`, and the lists of actions. This file reads no manifest and no `.env`.

import { setTimeout as sleep } from "node:timers/promises";
import { isQuaterError, type Principal } from "../../../core/index.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { Approvals, OwnStatus } from "../../offered.ts";
import { act, type Host } from "../actions/act.ts";
import { sameName, unknownAction } from "../actions/action-names.ts";
import type { RunArguments } from "../actions/run-arguments.ts";
import { reportCall } from "../output/report-call.ts";
import type { Context, Results } from "../program/context.ts";
import { howToGrant } from "../program/missing-right.ts";
import { callRemote } from "./calling.ts";
import { quoted } from "./distrust.ts";
import type { Failure } from "./envelopes.ts";
import { type Remote, remoteNamed } from "./known.ts";
import { type Listing, listed, requireToken } from "./listing.ts";
import { statusOn } from "./statuses.ts";

/** A placeholder principal, because the remote has already authenticated the caller. */
const someone: Principal = Object.freeze({
  issuer: "remote",
  subject: "remote",
  kind: "user",
  credential: "remote",
  scopes: [],
  roles: [],
  claims: {},
});

interface Reached {
  readonly remote: Remote;
  readonly token: string;
}

const reach = (context: Context, name: string): Reached => {
  const remote = remoteNamed(context.env, name);
  return { remote, token: requireToken(context.env, remote) };
};

const refused = (context: Context, { error, callId }: Failure): number =>
  reportCall({ error, callId, flags: [], advice: howToGrant(error, context) }, context.terminal, context.isJson);

/** Runs an action on a remote. @returns The exit code of `quater run`. */
export const runRemote = async (
  context: Context,
  name: string,
  action: string,
  args: RunArguments,
  words: readonly string[],
  results: Results = context,
): Promise<number> => {
  const reached = reach(context, name);
  const { remote, token } = reached;
  const listing = await listed(context.env, remote, token);
  if ("error" in listing) return refused(context, listing);
  const { operations } = listing;
  const operation = operations.find((one) => one.name === action) ?? operations.find((one) => sameName(one.name, action));
  if (operation === undefined) return unlisted(context, reached, listing, action);
  return act(hostOf(context, reached, listing, operation), context, operation, args, ["--remote", name, ...words], results);
};

/**
 * Finds out why the remote does not list an action. The action may be unknown, or the caller may lack a right. The program sends
 * a dry run without input. So the program changes nothing if somebody has added the action in the meantime.
 */
const unlisted = async (context: Context, { remote, token }: Reached, listing: Listing, action: string): Promise<number> => {
  const operation = { name: action, isStream: false, handler: { effect: "read" } } as unknown as Operation;
  const invocation = { handler: action, surface: "cli", principal: someone, given: [], dryRun: true };
  const outcome = await callRemote({ env: context.env, remote, token, operation }, invocation);
  if (!outcome.ok && outcome.error.code !== "unknown_handler") return refused(context, outcome);
  throw unknownAction(
    action,
    listing.operations.map((one) => one.name),
  );
};

const hostOf = (context: Context, { remote, token }: Reached, listing: Listing, operation: Operation): Host => {
  const { env } = context;
  return {
    gate: {
      enter: () => someone,
      newCallId: () => "",
      invoke: async (invocation) => {
        const outcome = await callRemote({ env, remote, token, operation }, invocation);
        if (!outcome.ok) warnOfLink(context, remote, outcome.error.details?.["approval"]);
        return outcome;
      },
    },
    catalog: { operations: listing.operations, get: () => operation, names: [operation.name], declared: [] },
    approvals: {
      requirementOf: listing.requirementOf,
      untilDecided: (_enter, _surface, id, how) => untilDecided(context, { remote, token }, id, how),
    },
  };
};

/** Warns of an approval link to another host, because a hostile server could show a page that looks like the approvals page. */
const warnOfLink = ({ terminal, isJson }: Context, { name, url }: Remote, approval: unknown): void => {
  if (isJson || !isPlainObject(approval) || typeof approval["url"] !== "string") return;
  const { origin } = new URL(approval["url"]);
  if (origin !== new URL(url).origin)
    terminal.say(
      `The link leads to ${quoted(origin)}, which is not the host of the remote ${name}. Check the host before you sign in.\n`,
    );
};

/** The pauses between two polls of an approval request, in milliseconds. The pauses are the same as on this computer. */
const pause = { firstMs: 200, growth: 1.5, longestMs: 2_000 } as const;

/** Polls the state of the caller's own approval request until approvers have decided the request. No call is open meanwhile. */
export const untilDecided = async (
  { env }: Pick<Context, "env">,
  { remote, token }: Reached,
  id: string,
  { signal, asked }: Parameters<Approvals["untilDecided"]>[3],
): Promise<OwnStatus> => {
  let pauseMs: number = pause.firstMs;
  for (;;) {
    asked?.();
    const status = await statusOn(env, remote, token, id);
    if (status.status !== "pending" || signal.aborted) return status;
    await elapsed(pauseMs, signal);
    pauseMs = Math.min(pauseMs * pause.growth, pause.longestMs);
  }
};

/** Resolves after the given number of milliseconds, or when `signal` aborts. */
const elapsed = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => undefined);

/** Runs `use` with the actions of a remote. @returns The exit code of `use`, or the exit code for the refusal of the remote. */
export const withRemoteActions = async (
  context: Context,
  name: string,
  use: (operations: readonly Operation[], around: Pick<Approvals, "requirementOf">) => Promise<number>,
): Promise<number> => {
  const { remote, token } = reach(context, name);
  try {
    const listing = await listed(context.env, remote, token);
    return "error" in listing ? refused(context, listing) : await use(listing.operations, listing);
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return refused(context, { error, callId: "" });
  }
};
