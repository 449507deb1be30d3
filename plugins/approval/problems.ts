// Checks the options of approval(), and the exposure keys `approval`, before Quater sets up any plugin.

import { nearest } from "../../core/diagnostics/text.ts";
import { isPrivateUrl } from "../../core/model/loopback.ts";

import type { BootProblem, Operation } from "../../core/plugin-api.ts";
import { approvalKey, type ExposedApproval } from "./exposure.ts";
import { noticeProblems } from "./notices/index.ts";
import type { ApprovalOptions } from "./options.ts";
import { isSamePerson } from "./policy.ts";

interface Wrong {
  readonly cause: string;
  readonly remedy: string;
}

const policyKeys = ["approvers", "kind", "denials", "pendingForMs", "usableForMs", "anySurface", "unattributed"];
const approverKeys = ["role", "person", "need"];
const mostPending = 7 * 86_400_000;
const mostUsable = 86_400_000;
const mostNeeded = 100;
const leastSecret = 32;
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export const optionProblems = (options: ApprovalOptions): BootProblem[] => {
  const { policies, publicUrl, authenticate, sso, listen, notify } = options;
  const found: Wrong[] = [];
  const say = (cause: string, remedy: string) => found.push({ cause, remedy });
  const entries = Object.entries(Object(policies) as Record<string, unknown>);
  if (entries.length === 0) say("approval() has no policies", 'Add policies: { finance: { approvers: [{ role: "finance" }] } }');
  for (const [name, policy] of entries) found.push(...policyProblems(name, policy));
  if (authenticate === undefined && sso === undefined)
    say("approval() has no authenticate option, so nobody can approve requests", "Add authenticate: apiKeys()");
  if (publicUrl !== undefined && !isSafeUrl(publicUrl))
    say(
      `The approval() option publicUrl is ${JSON.stringify(publicUrl)}, which is not an https URL`,
      'Write an https URL as publicUrl, such as "https://shop.example". Use http: only for loopback addresses',
    );
  found.push(...pageProblems({ publicUrl, listen, sso }));
  const own = found.map((wrong): BootProblem => ({ place: "approval()", plugin: "approval", ...wrong }));
  return [...own, ...noticeProblems(notify)];
};

const pageProblems = ({ publicUrl, listen, sso }: Pick<ApprovalOptions, "publicUrl" | "listen" | "sso">): Wrong[] => {
  const found: Wrong[] = [];
  const say = (cause: string, remedy: string) => found.push({ cause, remedy });
  const isSocket = listen !== undefined && "path" in listen;
  if (publicUrl !== undefined && URL.canParse(publicUrl) && new URL(publicUrl).href !== `${new URL(publicUrl).origin}/`)
    say(
      `The approval() option publicUrl is ${JSON.stringify(publicUrl)}, but it must be only an origin`,
      'Write publicUrl without a path, such as "https://shop.example". The approvals page is at /approvals',
    );
  if (isSocket && publicUrl === undefined)
    say(
      "approval() listens on a Unix socket, but publicUrl is missing",
      "Add publicUrl to approval(), with the origin that people open in the browser",
    );
  if (sso === undefined) return found;
  for (const name of [sso.personHeader, sso.rolesHeader, sso.secretHeader])
    if (name !== undefined && !headerName.test(name))
      say(
        `The approval() option sso has an invalid header name: ${JSON.stringify(name)}`,
        "Write the name of an HTTP header, for example x-forwarded-user",
      );
  const secret = sso.secret ?? "";
  if (sso.unixSocket === true && !isSocket)
    say(
      "The approval() option sso has unixSocket: true, but the approvals page does not listen on a Unix socket",
      'Add listen: { path: "run/approvals.sock" } to approval()',
    );
  else if (sso.unixSocket !== true && (sso.secretHeader === undefined || secret.length < leastSecret))
    say(
      `The approval() option sso has no secret of at least ${leastSecret} characters, so anybody could send the header with the name of a person`,
      "Add secretHeader and secret, and configure the proxy to send the secret. Or listen on a Unix socket and add unixSocket: true",
    );
  return found;
};

const policyProblems = (name: string, given: unknown): Wrong[] => {
  const found: Wrong[] = [];
  const say = (cause: string, remedy: string) => found.push({ cause: `The approval policy ${name} ${cause}`, remedy });
  if (given === null || typeof given !== "object") {
    say("is not an object", 'Write the policy as an object: { approvers: [{ role: "finance" }] }');
    return found;
  }
  const policy = given as Record<string, unknown>;
  for (const key of Object.keys(policy).filter((key) => !policyKeys.includes(key))) say(...unknownKey(key, policyKeys));
  const between = (key: string, least: number, most: number, unit: string) => {
    if (policy[key] !== undefined && !isCount(policy[key], least, most))
      say(
        `has an invalid value for ${key}: ${JSON.stringify(policy[key])}`,
        `Write ${unit} from ${least} to ${most.toLocaleString("en")} as ${key}`,
      );
  };
  between("pendingForMs", 1, mostPending, "milliseconds");
  between("usableForMs", 1, mostUsable, "milliseconds");
  between("denials", 1, mostNeeded, "a number of people");
  for (const key of ["anySurface", "unattributed"])
    if (policy[key] !== undefined && typeof policy[key] !== "boolean")
      say(`has an invalid value for ${key}: ${JSON.stringify(policy[key])}`, `Write true or false as ${key}`);
  if (policy["kind"] !== undefined && policy["kind"] !== "dual" && policy["kind"] !== "confirm")
    say(`has an invalid value for kind: ${JSON.stringify(policy["kind"])}`, 'Write "dual" or "confirm" as kind');
  const approvers: unknown = policy["approvers"];
  if (!Array.isArray(approvers) || approvers.length === 0) {
    say("has no approvers", 'Add approvers to the policy: approvers: [{ role: "finance" }]');
    return found;
  }
  for (const approver of approvers as unknown[]) approverProblems(approver).forEach(([cause, remedy]) => void say(cause, remedy));
  const people = approvers
    .map((approver) => (Object(approver) as { person?: unknown }).person)
    .filter((person) => typeof person === "string");
  const twice = people.find((person, index) => people.slice(0, index).some((other) => isSamePerson(other, person)));
  if (twice !== undefined)
    say(`lists ${JSON.stringify(twice)} twice, but one person can approve only once`, "List each person only once in approvers");
  return found;
};

const approverProblems = (given: unknown): [cause: string, remedy: string][] => {
  const found: [string, string][] = [];
  const approver = Object(given) as Record<string, unknown>;
  const { role, person, need = 1 } = approver;
  for (const key of Object.keys(approver).filter((key) => !approverKeys.includes(key))) found.push(unknownKey(key, approverKeys));
  const named = [role, person].filter((name) => name !== undefined);
  if (named.length !== 1 || typeof named[0] !== "string" || named[0] === "")
    found.push([
      "has an approver without exactly one role or one person",
      'Write each approver with one role or one person: { role: "finance" } or { person: "ana" }',
    ]);
  if (!isCount(need, 1, mostNeeded))
    found.push([
      `has an approver with an invalid value for need: ${JSON.stringify(need)}`,
      "Write the number of people as need, at least 1",
    ]);
  else if (person !== undefined && need > 1)
    found.push([
      `needs ${need} approvals of the person ${JSON.stringify(person)}`,
      "Use a role or list more people, because one person can approve only once",
    ]);
  return found;
};

const unknownKey = (key: string, known: readonly string[]): [string, string] => {
  const near = nearest(key, known);
  return [
    `has the unknown field ${JSON.stringify(key)}`,
    near === undefined ? `Use one of these fields: ${known.join(", ")}` : `Did you mean "${near}"?`,
  ];
};

/** Returns a problem for each exposure that names a missing approval policy, or a surface on which the handler is not exposed. */
export const exposureProblems = (
  policies: Readonly<Record<string, unknown>>,
  operations: readonly Operation[],
): readonly BootProblem[] =>
  operations.flatMap((operation) => {
    const given = approvalKey.of(operation);
    const found = given === undefined ? [] : problemsOf(given, policies, operation);
    return found.map((wrong) => ({ place: operation.place, plugin: "approval", ...wrong }));
  });

const problemsOf = (
  { policy, surfaces: narrowed }: ExposedApproval,
  policies: Readonly<Record<string, unknown>>,
  { name, surfaces }: Operation,
): readonly Wrong[] => {
  const found: Wrong[] = [];
  if (!Object.hasOwn(policies, policy)) {
    const near = nearest(policy, Object.keys(policies));
    found.push({
      cause: `The handler ${name} needs approval by the policy "${policy}", but approval() does not define this policy`,
      remedy:
        near === undefined
          ? `Use one of the approval policies of approval(): ${Object.keys(policies).join(", ") || "(none)"}`
          : `Did you mean "${near}"?`,
    });
  }
  if (narrowed?.length === 0)
    found.push({
      cause: `The handler ${name} has an approval with an empty list of surfaces`,
      remedy: "Remove surfaces, so that calls over every surface need approval. Or list at least one surface",
    });
  for (const surface of narrowed ?? []) {
    if (surfaces.has(surface)) continue;
    const near = nearest(surface, surfaces);
    found.push({
      cause: `The handler ${name} needs approval on ${surface}, but the handler is not exposed on ${surface}`,
      remedy:
        near === undefined
          ? `List only surfaces on which ${name} is exposed: ${[...surfaces].join(", ")}`
          : `Did you mean "${near}"?`,
    });
  }
  return found;
};

const isCount = (value: unknown, least: number, most: number): value is number =>
  Number.isInteger(value) && Number(value) >= least && Number(value) <= most;

const isSafeUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === "" && url.password === "" && isPrivateUrl(url);
};
