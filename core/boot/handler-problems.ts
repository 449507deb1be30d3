// Finds the mistakes in one handler at boot, before a call reaches the handler.

import { listingProblem } from "../diagnostics/own-problem.ts";
import type { BootProblem, CauseAndRemedy } from "../diagnostics/problem.ts";
import { visible } from "../diagnostics/text.ts";
import { type Handler, isStream } from "../model/handler.ts";
import type { Operation } from "../model/operation.ts";
import { authProblem, type NamedPolicy, namedPoliciesOf } from "../model/policy.ts";
import { usesProblems } from "../model/resource.ts";
import { fileAnswerProblems, fileProblems } from "../schema/file.ts";
import { misfitOf } from "../schema/fit.ts";
import { hasSecret, isPlainObject, propertiesOf } from "../schema/schema.ts";
import { schemaProblems } from "../schema/schema-problems.ts";
import { Type } from "../schema/typebox.ts";

const effects = new Set(["read", "write", "destructive"]);

/** Returns the boot problems of a handler. @param name  The name under which the manifest exposes the handler. */
export const handlerProblems = (value: Handler, name: string, place: string): BootProblem[] => {
  const found: BootProblem[] = [];
  const say = (cause: string, remedy: string) => found.push({ place, cause: `The handler ${name} ${cause}`, remedy });
  const auth = authProblem(value.auth);
  if (auth !== undefined) say(auth, 'Add auth: anyone, authenticated, can("scope"), hasRole("role"), a function or a list');
  else
    for (const { cause, remedy } of namedPoliciesOf(value.auth).flatMap((policy) => policyProblems(policy, value.input)))
      say(cause, remedy);
  const { description } = value;
  if (typeof description !== "string" || description.trim() === "")
    say(
      "has no description",
      'Add description: "...", one sentence that says what the handler does. Agents choose tools by their descriptions',
    );
  else if (description.length > 1000)
    say(
      `has a description of ${description.length} characters`,
      "Shorten the description of the handler to at most 1,000 characters",
    );
  else if (visible(description) !== description)
    say(
      "has a description with control or invisible characters",
      "Write the description of the handler as one line of printable text",
    );
  if (!effects.has(value.effect))
    say(`has an invalid effect: ${JSON.stringify(value.effect)}`, 'Write "read", "write" or "destructive" as effect');
  if (typeof value.handle !== "function")
    say("has no handle function", "Add a function to the handler: async handle(input, context) { ... }");
  for (const { cause, remedy } of completeProblems(value)) say(cause, remedy);
  for (const wrong of (value.problems ?? []).map(listingProblem)) if (wrong !== undefined) say(wrong.cause, wrong.remedy);
  for (const { cause, remedy } of usesProblems(value.use)) say(cause, remedy);
  const wrongInput = schemaProblems(value.input);
  for (const { cause, remedy } of wrongInput) say(`has an input schema in which ${cause}`, remedy);
  for (const { cause, remedy } of fileProblems(value.input)) say(`has ${cause}`, remedy);
  if (wrongInput.length === 0 && !isObjectSchema(value.input))
    say("has an input schema that is not an object", "Wrap the input schema in an object: Type.Object({ ... })");
  const output = isStream(value.output) ? value.output.item : value.output;
  if (output !== undefined)
    for (const { cause, remedy } of schemaProblems(output, "output")) say(`has an output schema in which ${cause}`, remedy);
  for (const { cause, remedy } of fileAnswerProblems(output, isStream(value.output))) say(`has ${cause}`, remedy);
  if (output !== undefined && value.reveal !== true && hasSecret(output))
    say(
      "has a secret() field in its output",
      "Remove the secret field from the output schema, or set reveal: true in the handler",
    );
  return found;
};

const completeProblems = ({ complete, input }: Handler): readonly CauseAndRemedy[] => {
  if (complete === undefined) return [];
  const remedy = 'Write complete as an object of functions: complete: { orderId: ({ value }) => ["ord_1"] }';
  if (!isPlainObject(complete)) return [{ cause: "has complete, which is not an object of functions", remedy }];
  const fields = propertiesOf(input);
  return Object.entries(complete).flatMap(([name, completer]): readonly CauseAndRemedy[] => {
    if (typeof completer !== "function") return [{ cause: `has complete.${name}, which is not a function`, remedy }];
    if (Object.hasOwn(fields, name)) return [];
    return [{ cause: `has complete.${name}, but the input has no field ${name}`, remedy: "Use the name of an input field" }];
  });
};

const isObjectSchema = (schema: unknown): boolean =>
  isPlainObject(schema) &&
  (schema["type"] === "object" ||
    (Array.isArray(schema["allOf"]) && schema["allOf"].length > 0 && schema["allOf"].every(isObjectSchema)));

/**
 * Returns the boot problems of a named policy. In TypeScript, the compiler finds most of these boot problems. In JavaScript, a
 * policy that was written for another handler would read `undefined`.
 */
const policyProblems = ({ name, needs, use, allow }: NamedPolicy, input: unknown): readonly CauseAndRemedy[] => {
  if (typeof name !== "string" || !/^\P{C}{1,100}$/u.test(name) || name.trim() === "") {
    const remedy = 'Write policy({ name: "isOwner", ... }) with a name of at most 100 printable characters';
    return [{ cause: "has a policy without a name", remedy }];
  }
  const its = `has the policy ${name}`;
  if (typeof allow !== "function")
    return [{ cause: `${its} without an allow function`, remedy: "Add allow: (call) => ... to the policy" }];
  const wrongUses = usesProblems(use).map(({ cause, remedy }) => ({ cause: `${its}, which ${cause}`, remedy }));
  return [...wrongUses, ...needsProblems(its, needs, input)];
};

const needsProblems = (its: string, needs: NamedPolicy["needs"], input: unknown): readonly CauseAndRemedy[] => {
  if (needs === undefined) return [];
  const remedyOfNeeds = "Write needs of the policy as an object of schemas, such as needs: { id: Type.String() }";
  if (!isPlainObject(needs)) return [{ cause: `${its}, whose needs is not an object of schemas`, remedy: remedyOfNeeds }];
  const wrong = Object.keys(needs).find((key) => !isPlainObject(needs[key]));
  if (wrong !== undefined) return [{ cause: `${its}, whose needs.${wrong} is not a schema`, remedy: remedyOfNeeds }];
  const wanted = Type.Object(needs);
  const problems = schemaProblems(wanted);
  if (problems.length > 0)
    return problems.map(({ cause, remedy }) => ({ cause: `${its} with invalid needs, in which ${cause}`, remedy }));
  const misfit = misfitOf(input, wanted, "input");
  const remedy = "Change the input schema of the handler, or write another policy for this handler";
  return misfit === undefined ? [] : [{ cause: `${its}, which does not fit the handler's input: ${misfit}`, remedy }];
};

/**
 * Returns a boot problem for each error code that two handlers declare with different kinds. Callers act on error codes, so an
 * error code has one kind in the whole project.
 */
export const codeProblems = (operations: readonly Operation[]): readonly BootProblem[] => {
  const first = new Map<string, { readonly kind: string; readonly name: string }>();
  return operations.flatMap(({ name, place, problems }) =>
    problems.flatMap(({ code, kind }): readonly BootProblem[] => {
      if (kind === undefined) return [];
      const known = first.get(code);
      if (known === undefined) first.set(code, { kind, name });
      if (known === undefined || known.kind === kind) return [];
      const cause = `The handler ${name} declares the problem ${code} with the kind ${kind}, but the handler ${known.name} declares ${code} with the kind ${known.kind}`;
      return [{ place, cause, remedy: "Define the code once with problem(), and list this problem in both handlers" }];
    }),
  );
};
