// Makes command lines that call the handlers of a running development server. `quater dev` shows these command lines in the
// terminal and on the page of the server.

import type { Kernel } from "../../../core/boot/kernel.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { approvalsRef, httpRef } from "../../offered.ts";
import { approvalOf } from "../actions/action-help.ts";
import { readyLines } from "../actions/ready-lines.ts";
import { reachable } from "../exposure/exposure.ts";

/** A handler, with the command lines that call the handler. */
export interface Callable {
  readonly operation: Operation;
  /** The people who must approve calls of the handler, such as `finance: 1 with role finance`; `null` without approval. */
  readonly approval: string | null;
  readonly calls: readonly CallLine[];
}

export interface CallLine {
  readonly surface: "http" | "mcp" | "cli";
  /** The route of the handler, or the name of the tool or action. */
  readonly target: string;
  /** The command line that calls the handler; `undefined` if Quater can make no input from the input schema. */
  readonly line: string | undefined;
}

export interface CallPlaces {
  readonly kernel: Kernel;
  /** The words with which the user starts the program, such as `npx quater`. */
  readonly program: string;
  /** The API key in the command lines, or a shell variable with the API key. */
  readonly key: string;
}

export const callables = async ({ kernel, program, key }: CallPlaces): Promise<readonly Callable[]> => {
  const { catalog, services, plugins } = kernel;
  const http = services.find(httpRef);
  const approvals = services.find(approvalsRef);
  const hasMcp = plugins.some(({ surface }) => surface?.name === "mcp");
  const places = { program, http, url: http?.baseUrl, hasMcp, header: `-H "Authorization: Bearer ${key}"` };
  return Promise.all(
    catalog.operations.map(async (operation) => {
      const ready = await readyLines(operation, places);
      const call = (surface: CallLine["surface"], line: string | undefined): readonly CallLine[] => {
        const reached = reachable(operation, surface);
        return reached === null ? [] : [{ surface, target: reached === "yes" ? operation.name : reached, line }];
      };
      return {
        operation,
        approval: approvalOf(operation, approvals?.requirementOf(operation)),
        calls: [...call("http", ready.http), ...call("mcp", ready.mcp), ...call("cli", ready.run)],
      };
    }),
  );
};

/** The largest number of command lines that `quater dev` prints in the terminal. */
const mostLines = 24;

/**
 * Returns one command line for each route and each action, the routes first. `more` counts the command lines beyond the limit.
 */
export const linesOf = (callable: readonly Callable[]): { readonly lines: readonly string[]; readonly more: number } => {
  const of = (surface: CallLine["surface"]) =>
    callable.flatMap(({ calls }) => calls.flatMap((call) => (call.surface === surface ? (call.line ?? []) : [])));
  const lines = [...of("http"), ...of("cli")];
  return { lines: lines.slice(0, mostLines), more: Math.max(0, lines.length - mostLines) };
};
