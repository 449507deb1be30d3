// Reads the list of actions of a remote, and makes operations from the actions. So flags, help and output are the same as without
// `--remote`.

import { isCode } from "../../../core/diagnostics/errors.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import type { Requirement } from "../../offered.ts";
import { UsageError } from "../output/exit.ts";
import type { Env } from "../program/context.ts";
import { paths, protocol } from "../serving/protocol.ts";
import { strangeAnswer } from "./distrust.ts";
import { bodyOf, envelopeOf, type Failure, otherProtocol } from "./envelopes.ts";
import { type Remote, tokenFor } from "./known.ts";
import { send } from "./requests.ts";

export interface Listing {
  readonly service: { readonly name: string; readonly version: string };
  readonly operations: readonly Operation[];
  readonly requirementOf: (operation: Operation) => Requirement | undefined;
}

/** Reads the actions of a remote. @returns The actions, or the refusal of the remote. @throws {Distrusted | QuaterError} */
export const listed = async (env: Env, remote: Remote, token = tokenFor(env, remote)): Promise<Listing | Failure> => {
  const answer = await send(env, remote, { method: "GET", path: paths.document, token });
  const body = await bodyOf(remote.name, answer);
  if (answer.status !== 200) {
    const envelope = envelopeOf(remote.name, body);
    if (!envelope.ok) return envelope;
  }
  return listingOf(remote.name, body);
};

/** Returns the token for a remote. @throws {UsageError} without a valid token. The error advises the user to log in. */
export const requireToken = (env: Env, remote: Remote): string => {
  const token = tokenFor(env, remote);
  if (token !== undefined) return token;
  const why = remote.token === undefined ? "There is no token for" : "The token expired for";
  throw new UsageError(`${why} the remote ${remote.name}. Run quater remote login ${remote.name}`, "unauthenticated");
};

const nameForm = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const effects: readonly unknown[] = ["read", "write", "destructive"];

const listingOf = (name: string, body: JsonSchema): Listing => {
  const { service, actions } = body;
  if (body["protocol"] !== protocol) throw otherProtocol(name, body["protocol"]);
  const wrong = () => strangeAnswer(name, "answered with a list of actions that is not valid");
  if (!isPlainObject(service) || typeof service["name"] !== "string" || !Array.isArray(actions)) throw wrong();
  const requirements = new Map<string, Requirement>();
  const operations = new Map<string, Operation>();
  for (const action of actions) {
    const operation = operationOf(action);
    if (operation === undefined || operations.has(operation.name)) throw wrong();
    operations.set(operation.name, operation);
    const { requirement } = action as JsonSchema;
    if (isPlainObject(requirement) && typeof requirement["words"] === "string")
      requirements.set(operation.name, { policy: "", words: requirement["words"], approvers: [] });
  }
  return {
    service: { name: service["name"], version: String(service["version"]) },
    operations: [...operations.values()],
    requirementOf: (operation) => requirements.get(operation.name),
  };
};

const operationOf = (action: unknown): Operation | undefined => {
  if (!isPlainObject(action)) return undefined;
  const { name, description, effect, auth, input, output, isStream, needsApproval, problems } = action;
  const isRight =
    typeof name === "string" &&
    nameForm.test(name) &&
    [description, auth].every((text) => typeof text === "string") &&
    effects.includes(effect) &&
    isSchema(input) &&
    (output === undefined || isPlainObject(output)) &&
    [isStream, needsApproval].every((claim) => typeof claim === "boolean") &&
    Array.isArray(problems) &&
    problems.every((problem) => isPlainObject(problem) && isCode(problem["code"]));
  if (!isRight) return undefined;
  const listedProblems = problems.map(({ code, kind }: JsonSchema) => ({ code, ...(kind === undefined ? {} : { kind }) }));
  // Only the code for flags, help and output reads this operation, and no gate reads the operation. The remote lists only actions
  // that the caller may call. So the operation has no function, no exposure, and no policy that refuses.
  return {
    name,
    handler: { description, effect, ...(problems.length === 0 ? {} : { problems: listedProblems }) },
    policy: { name: auth, judgeStatic: () => undefined },
    input,
    output,
    isStream,
    needsApproval,
    problems: listedProblems,
    surfaces: new Set(["cli"]),
  } as unknown as Operation;
};

/** Whether the program can derive flags from an input schema. */
const isSchema = (input: unknown): boolean => {
  if (!isPlainObject(input)) return false;
  const { properties = {}, required = [] } = input;
  return (
    isPlainObject(properties) &&
    Object.values(properties).every(isPlainObject) &&
    Array.isArray(required) &&
    required.every((name) => typeof name === "string")
  );
};
