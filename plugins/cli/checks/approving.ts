// Finds approval policies that the existing keys cannot satisfy, and approval policies that one person alone can satisfy.

import type { Kernel } from "../../../core/boot/kernel.ts";
import { asAuthenticator } from "../../../core/model/authenticator.ts";
import type { KnownCredential } from "../../../core/model/known-credentials.ts";
import { approvalsRef, type Rules } from "../../offered.ts";
import { type Finding, finding } from "./finding.ts";

/** The name of the plugin whose surface authenticates approvers. */
const approvalPlugin = "approval";

export const approving = ({ catalog, plugins, services }: Kernel): readonly Finding[] => {
  const approvals = services.find(approvalsRef);
  const used = new Map<string, Rules>();
  for (const operation of catalog.operations) {
    const rules = approvals?.rulesOf(operation);
    if (rules !== undefined) used.set(rules.policy, rules);
  }
  const known = approversIn(plugins);
  return [...used.values()].flatMap((rules) => [
    ...(known === undefined || isSatisfiable(rules, known) ? [] : [nobody(rules)]),
    ...alone(rules),
  ]);
};

/** Returns the credentials of approvers; `undefined` if the authenticator accepts credentials that Quater cannot list. */
const approversIn = (plugins: Kernel["plugins"]): readonly KnownCredential[] | undefined => {
  const authenticate = plugins.find(({ name }) => name === approvalPlugin)?.surface?.authenticate;
  const list = authenticate === undefined ? undefined : asAuthenticator(authenticate).listed?.();
  if (list === undefined || list.others.length > 0 || list.unclear !== undefined) return undefined;
  return list.known.filter(
    ({ refused, principal: { kind, person } }) => refused === undefined && kind !== "agent" && person !== undefined,
  );
};

/** Whether enough people exist for each approver entry of the policy. A person who could vote for two entries counts for both. */
const isSatisfiable = ({ approvers }: Rules, known: readonly KnownCredential[]): boolean =>
  approvers.every(({ role, person, need }) => {
    const people = known.filter(({ principal }) =>
      role === undefined ? principal.person === person : principal.roles.includes(role),
    );
    return new Set(people.map(({ principal }) => principal.person)).size >= need;
  });

const wordsOf = ({ approvers }: Rules): string =>
  approvers.map(({ role, person, need }) => (role === undefined ? String(person) : `${need} with role ${role}`)).join(" and ");

const nobody = (rules: Rules): Finding => {
  const [role] = rules.approvers.flatMap((approver) => approver.role ?? []);
  const rights = role === undefined ? "" : ` --roles ${role}`;
  return finding(
    "no_approver",
    `The approval policy ${rules.policy} needs ${wordsOf(rules)}, but too few active keys of people can approve`,
    `Create a key for each approver: quater keys create --name <name> --kind user --person <name>${rights}`,
  );
};

const alone = ({ policy, kind, unattributed }: Rules): readonly Finding[] => [
  ...(kind === "confirm"
    ? [
        finding(
          "one_person_approves",
          `The approval policy ${policy} has kind: "confirm", so the person of an agent approves the calls of this agent alone`,
          'Use kind: "dual", so that another person must approve',
        ),
      ]
    : []),
  ...(unattributed
    ? [
        finding(
          "one_person_approves",
          `The approval policy ${policy} has unattributed: true, so one person can call with a key without a person, and approve the call`,
          "Remove unattributed, and create keys with --person or --acts-for",
        ),
      ]
    : []),
];
