// Compares the approval rules of a handler. A changed rule is wider if an approval becomes easier to get or usable in more ways.

import type { Rules } from "../../offered.ts";
import { type Finding, finding, isSame } from "./difference.ts";

interface Gated {
  readonly approval: Rules | null;
  /** The names of the surfaces that expose the handler. */
  readonly surfaces: readonly string[];
}

export const approvalFindings = (before: Gated, after: Gated): readonly Finding[] => {
  const [was, is] = [before.approval, after.approval];
  if (was === null && is === null) return [];
  if (is === null) return [finding("widened", "calls no longer need approval", was, is)];
  if (was === null) return [finding("narrowed", `calls need approval now, by the policy ${is.policy}`, was, is)];
  const found = [
    ...approverFindings(was, is),
    ...settings(was, is),
    ...surfaceFindings(after.surfaces, was, is),
    ...(was.policy === is.policy
      ? []
      : [finding("changed", `approval: the policy ${was.policy} is now ${is.policy}`, was.policy, is.policy)]),
  ];
  // If no other comparison in this function found the difference of the rules, report that the rules changed.
  return found.length > 0 || isSame(was, is) ? found : [finding("changed", "approval: the rules changed", was, is)];
};

/** Returns how many people each approver entry needs. The key of an entry is a text such as `role finance` or `person ana`. */
const needsOf = ({ approvers }: Rules): ReadonlyMap<string, number> => {
  const needs = new Map<string, number>();
  for (const { role, person, need } of approvers) {
    const who = role === undefined ? `person ${person}` : `role ${role}`;
    needs.set(who, (needs.get(who) ?? 0) + need);
  }
  return needs;
};

const approverFindings = (was: Rules, is: Rules): readonly Finding[] => {
  const [needed, needs] = [needsOf(was), needsOf(is)];
  const whos = [...new Set([...needed.keys(), ...needs.keys()])].sort();
  return whos.flatMap((who): Finding[] => {
    const [old, now] = [needed.get(who) ?? 0, needs.get(who) ?? 0];
    if (old === now) return [];
    const what = `approval: needs ${now} ${now === 1 ? "approval" : "approvals"} by ${who}, needed ${old}`;
    return [finding(now < old ? "widened" : "narrowed", what, was.approvers, is.approvers)];
  });
};

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toLocaleString("en")} s`;

const settings = (was: Rules, is: Rules): readonly Finding[] => {
  const found: Finding[] = [];
  const say = (isWider: boolean, what: string, key: keyof Rules) =>
    found.push(finding(isWider ? "widened" : "narrowed", `approval: ${what}`, { [key]: was[key] }, { [key]: is[key] }));
  if (was.kind !== is.kind) {
    const isSelf = is.kind === "confirm";
    say(isSelf, `the person for whom the caller acts may ${isSelf ? "now" : "no longer"} approve`, "kind");
  }
  if (was.denials !== is.denials)
    say(is.denials > was.denials, `the number of denials that end a request is ${is.denials}, was ${was.denials}`, "denials");
  if (was.pendingForMs !== is.pendingForMs)
    say(
      is.pendingForMs > was.pendingForMs,
      `a request waits ${seconds(is.pendingForMs)} for votes, waited ${seconds(was.pendingForMs)}`,
      "pendingForMs",
    );
  if (was.usableForMs !== is.usableForMs)
    say(
      is.usableForMs > was.usableForMs,
      `an approval can be used for ${seconds(is.usableForMs)}, was ${seconds(was.usableForMs)}`,
      "usableForMs",
    );
  if (was.anySurface !== is.anySurface)
    say(
      is.anySurface,
      `the approved call may ${is.anySurface ? "now" : "no longer"} be repeated over another surface`,
      "anySurface",
    );
  if (was.unattributed !== is.unattributed)
    say(
      is.unattributed,
      `the requester may ${is.unattributed ? "now" : "no longer"} be a credential without a person`,
      "unattributed",
    );
  return found;
};

/** Compares the surfaces on which calls need approval. A new surface on which calls need no approval is wider. */
const surfaceFindings = (present: Gated["surfaces"], was: Rules, is: Rules): readonly Finding[] => {
  const isGated = ({ surfaces }: Rules, surface: string) => surfaces?.includes(surface) !== false;
  return present.flatMap((surface): Finding[] => {
    const [old, now] = [isGated(was, surface), isGated(is, surface)];
    if (old === now) return [];
    const what = `approval: calls over ${surface} ${now ? "need approval now" : "no longer need approval"}`;
    return [finding(now ? "narrowed" : "widened", what, { surfaces: was.surfaces }, { surfaces: is.surfaces })];
  });
};
