// A project in which payments need approval: people, the handler `pay` that needs approval by finance, and a second surface that
// exposes `pay`.

import { authenticated, handler, Type } from "quater";
import { definePlugin, exposureKey } from "quater/plugin-api";
import { principal, type TestApp, tokens } from "quater/testing";

export type Principal = Parameters<TestApp["as"]>[0];

/**
 * The callers of the tests. `robot` is an agent that acts for `ana`. `bea`, `cleo` and `ana` have the role finance. `dan` has no
 * role.
 */
export const people = {
  robot: Object.freeze({ ...withoutPerson(principal({ subject: "robot", kind: "agent" })), actsFor: "ana" }),
  ana: principal({ subject: "ana", roles: ["finance"] }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
  cleo: principal({ subject: "cleo", roles: ["finance", "audit"] }),
  dan: principal({ subject: "dan" }),
} as const satisfies Record<string, Principal>;

function withoutPerson({ person: _, ...rest }: Principal): Principal {
  return rest;
}

/** A second surface without a transport. */
export const other = definePlugin(() => ({
  name: "other",
  exposure: [exposureKey("other", Type.Boolean())],
  surface: { name: "other", exposes: "Other handlers", authenticate: tokens({}) },
}));

/** The inputs with which `pay` ran, in order. */
export const paid: { cents: number; to?: string }[] = [];

export const pay = handler({
  description: "Pay somebody.",
  effect: "write",
  input: Type.Object({ cents: Type.Integer(), to: Type.Optional(Type.String()) }),
  auth: authenticated,
  handle: (input) => {
    paid.push(input);
    return { paid: input.cents };
  },
});

export const finance = { finance: { approvers: [{ role: "finance" }] } } as const;
