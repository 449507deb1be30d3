// The document at `/.well-known/quater-actions.json`. The document contains the actions that the caller may run, and the data
// that the program `quater` needs for flags, help and output.

import { isVisibleTo } from "../../../core/model/operation.ts";
import type { Catalog, Operation, Project } from "../../../core/plugin-api.ts";
import { fileAnswerRulesOf } from "../../../core/schema/file-answer.ts";
import { approvalsRef } from "../../offered.ts";
import { type Action, type ActionList, protocol, scopeOf } from "./protocol.ts";
import { answering, checkRight, type Endpoints, entered, reply } from "./refusing.ts";

export interface DocumentEndpoint extends Endpoints {
  readonly catalog: Catalog;
  readonly project: Project;
}

export const documentEndpoint = (parts: DocumentEndpoint) =>
  answering(parts, "GET", async (request) => {
    const caller = await entered(parts, request);
    // The program `quater explain` reads this document to derive the flags of the action.
    const mayExplain = caller.principal.scopes.includes(scopeOf("explain"));
    checkRight(parts, caller, mayExplain ? "explain" : "run", "actions list");
    const approvals = parts.services.find(approvalsRef);
    const { name, version } = parts.project;
    const actions = parts.catalog.operations
      .filter((operation) => operation.surfaces.has("cli") && isVisibleTo(operation, caller.principal))
      .map((operation) => actionOf(operation, approvals?.requirementOf(operation)));
    const list: ActionList = { protocol, service: { name, version }, actions };
    return reply(200, list);
  });

const actionOf = (
  { name, handler, policy, input, output, isStream, needsApproval, problems }: Operation,
  requirement: { readonly words: string } | undefined,
): Action => ({
  name,
  description: handler.description,
  effect: handler.effect,
  auth: policy.name,
  input,
  ...(output === undefined ? {} : { output: withoutFolder(output) }),
  isStream,
  needsApproval,
  ...(requirement === undefined ? {} : { requirement }),
  problems: problems.map(({ code, kind }) => ({ code, ...(kind === undefined ? {} : { kind }) })),
});

/** Removes the folder from the schema of a file output, because a client must not see paths of the server. */
const withoutFolder = (output: Operation["input"]): Operation["input"] => {
  const rules = fileAnswerRulesOf(output);
  if (rules === undefined) return output;
  const entries = Object.entries(output).map(([key, value]) => {
    if (value !== rules) return [key, value] as const;
    const { folder: _, ...others } = rules;
    return [key, others] as const;
  });
  return Object.fromEntries(entries);
};
