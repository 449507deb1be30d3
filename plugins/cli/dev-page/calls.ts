// Makes the command lines that call the handlers of a running development server, for the terminal and for the page of `quater dev`.

import type { Kernel } from "../../../core/boot/kernel.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { approvalsRef, httpRef } from "../../offered.ts";
import { approvalOf } from "../actions/action-help.ts";
import { readyLines } from "../actions/ready-lines.ts";
import { reachable } from "../exposure/exposure.ts";

/** One handler as it can be called. */
export interface Callable {
  readonly operation: Operation;
  /** Who must approve calls: `finance: 1 with role finance`. */
  readonly approval: string | null;
  readonly calls: readonly CallLine[];
}

export interface CallLine {
  readonly surface: "http" | "mcp" | "cli";
  /** The route, or the name of the tool or action. */
  readonly target: string;
  /** The command line; `undefined` if no input can be made from the schema. */
  readonly line: string | undefined;
}

export interface CallPlaces {
  readonly kernel: Kernel;
  /** The words that start the program: `npx quater`. */
  readonly program: string;
  /** The key in the command lines, or a variable of the shell. */
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

/** How many command lines are printed. */
const mostLines = 24;

/** Returns one command line for each route and each action, the routes first. `more` counts the lines that are left out. */
export const linesOf = (callable: readonly Callable[]): { readonly lines: readonly string[]; readonly more: number } => {
  const of = (surface: CallLine["surface"]) =>
    callable.flatMap(({ calls }) => calls.flatMap((call) => (call.surface === surface ? (call.line ?? []) : [])));
  const lines = [...of("http"), ...of("cli")];
  return { lines: lines.slice(0, mostLines), more: Math.max(0, lines.length - mostLines) };
};
