// Compares what `explain` predicts with the real call, for generated handlers, keys, inputs, surfaces and approvals.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  anyone,
  authenticated,
  can,
  defineConfig,
  expose,
  handler,
  hasRole,
  isQuaterError,
  policy,
  resource,
  Type,
} from "quater";
import { type Arriving, definePlugin, type Explanation, type GivenInput } from "quater/plugin-api";
import { apiKeys, approval, audit, cli, firstOf, http, localUser, mcp, store } from "quater/plugins";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { approvalsRef } from "../../../plugins/approval/service.ts";
import { createKey, type KeyRights, revokeKey } from "../../../plugins/auth/commands.ts";
import { changeKeyFile } from "../../../plugins/auth/keyfile.ts";

const input = Type.Object({ n: Type.Integer({ minimum: 1, maximum: 3 }), note: Type.Optional(Type.String({ maxLength: 5 })) });
const owners = resource({ name: "owners", scope: "app", open: () => ({ of: (n: number) => (n === 1 ? "ana" : "bo") }) });
const isOwner = policy({
  name: "isOwner",
  needs: { n: Type.Integer() },
  use: { owners },
  allow: ({ input: { n }, owners: known, principal: { person, actsFor } }) =>
    known.of(n) === (person ?? actsFor) || "Somebody else owns this",
});
const isSmall = ({ input: { n } }: { readonly input: { readonly n: number } }) => n < 3;
/** What previews show. */
let stock = 0;
const made = (auth: unknown, more: object = {}) =>
  handler({ description: "Does it.", effect: "write", input, auth, handle: () => 1, ...more } as never);

const handlers = {
  open: made(anyone, { effect: "read" }),
  known: made(authenticated),
  scoped: made(can("a")),
  both: made([can("a"), hasRole("r")]),
  either: made({ any: [hasRole("r"), isSmall] }),
  fn: made([authenticated, isSmall]),
  owned: made([can("a"), isOwner]),
  pay: made(can("a"), { preview: ({ n }: { n: number }) => ({ leaves: stock + n }) }),
  sign: made([can("a"), isSmall]),
  confirmed: made(authenticated),
};

const exposures = {
  open: { http: "POST /open", public: true, mcp: true, cli: true },
  known: { http: "POST /known", mcp: true, cli: true },
  scoped: { http: "POST /scoped", mcp: true },
  both: { http: "POST /both", cli: true },
  either: { http: "POST /either", mcp: true, cli: true },
  fn: { mcp: true, cli: true },
  owned: { http: "POST /owned", mcp: true, cli: true },
  pay: { http: "POST /pay", mcp: true, cli: true, approval: "dual" },
  sign: { http: "POST /sign", mcp: true, cli: true, approval: { policy: "any", surfaces: ["mcp"] } },
  confirmed: { http: "POST /confirmed", mcp: true, cli: true, approval: "confirm" },
};

const keys: readonly KeyRights[] = [
  { name: "ana", kind: "user", person: "ana", scopes: ["a"], roles: [] },
  { name: "bot", kind: "agent", actsFor: "ana", scopes: ["a", "b"], roles: ["r"] },
  { name: "job", kind: "service", scopes: ["a"], roles: ["r"] },
  { name: "poor", kind: "user", person: "bo", scopes: [], roles: [] },
  { name: "partly", kind: "service", scopes: ["b"], roles: ["r"] },
  { name: "revoked", kind: "user", person: "ana", scopes: ["a"], roles: [] },
  { name: "expired", kind: "user", person: "ana", scopes: ["a"], roles: [], expires: "1h" },
];

const surfaces = ["http", "mcp", "cli"];

interface Case {
  readonly handler: keyof typeof handlers;
  readonly key: string;
  readonly surface: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** What people decide about the request that the call filed. `outdate`: they approve, and then the preview changes. */
  readonly decision: "none" | "approve" | "deny" | "outdate";
}

const cases: fc.Arbitrary<Case> = fc.record({
  handler: fc.constantFrom(...(Object.keys(handlers) as (keyof typeof handlers)[])),
  key: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom("ana", "ana", "bot", "bot", "job", "poor", "partly") },
    fc.constantFrom("revoked", "expired", "nobody"),
  ),
  surface: fc.constantFrom(...surfaces),
  input: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ n: fc.integer({ min: 1, max: 3 }), note: fc.string({ maxLength: 3, unit: "grapheme" }) }),
    },
    { weight: 2, arbitrary: fc.record({ n: fc.oneof(fc.integer(), fc.string(), fc.constant(null)) }) },
    fc.record({ n: fc.integer({ min: 1, max: 3 }), more: fc.boolean() }),
    fc.constant({}),
  ),
  decision: fc.constantFrom("none", "approve", "approve", "deny", "outdate"),
});

/** Where a call stopped, or that its handler ran. */
interface Stop {
  readonly step: Explanation["step"] | "handler";
  readonly code: string | null;
}

interface Disagreement {
  readonly given: Case;
  readonly predicted: Stop;
  readonly real: Stop;
}

interface Agreement {
  readonly compared: number;
  readonly disagreements: readonly Disagreement[];
  /** How often each step and code was met: `approve approval_required`. */
  readonly met: ReadonlyMap<string, number>;
  /** The number of events that explanations wrote. */
  readonly written: number;
}

/** Explains and makes calls, one after the other, so that later calls meet the approvals of earlier ones. */
const agreement = async (numRuns: number, seed: number): Promise<Agreement> => {
  const root = mkdtempSync(join(tmpdir(), "quater-explain-"));
  const file = join(root, ".quater/keys.json");
  const tokens = new Map(keys.map((rights) => [rights.name, createKey(file, rights).key]));
  revokeKey(file, "revoked");
  changeKeyFile(file, (records) => ({
    records: records.map((record) => (record.name === "expired" ? { ...record, expiresAt: "2001-01-01T00:00:00Z" } : record)),
    result: undefined,
  }));
  const stages = new Map<string, string>();
  const watching = definePlugin(() => ({
    name: "watching",
    hooks: {
      settled: (call) => void stages.set(call.callId, (JSON.parse(JSON.stringify(call)) as { stage?: string }).stage ?? "door"),
    },
  }));
  const approvers = (name: string) => [{ role: name }];
  const manifest = defineConfig({
    name: "explained",
    handlers: [expose(async () => handlers as never, exposures as never)],
    plugins: [
      http({ port: 0, authenticate: apiKeys() }),
      mcp({ authenticate: apiKeys() }),
      cli({ authenticate: firstOf(localUser(), apiKeys()) }),
      store({ mayLoseCommits: true }),
      audit(),
      watching(),
      approval({
        authenticate: apiKeys(),
        maxPending: 6,
        policies: {
          dual: { approvers: approvers("finance") },
          any: { approvers: approvers("finance"), anySurface: true, unattributed: true },
          confirm: { approvers: approvers("finance"), kind: "confirm" },
        },
      }),
    ],
  });
  try {
    await using app = await bootTest(manifest, { root });
    const kernel = kernelOf(app);
    const approvals = app.services.get(approvalsRef);
    const approver = { principal: principal({ subject: "cleo", roles: ["finance"] }), via: "page" };
    const given = (values: Case["input"], read: () => void): (() => readonly GivenInput[]) => {
      return () => {
        read();
        return [{ from: "body", isText: false, values }];
      };
    };
    const predict = async ({ handler: name, key, surface, input: values }: Case): Promise<Stop> => {
      const { verdict, step, code } = await kernel.explain({
        handler: name,
        surface,
        as: { key },
        given: given(values, () => {}),
      });
      return verdict === "runs" ? { step: "handler", code: null } : { step, code };
    };
    const call = async ({ handler: name, key, surface, input: values }: Case): Promise<Stop & { readonly id?: string }> => {
      const callId = kernel.newCallId();
      const token = tokens.get(key) ?? "qk_nobody";
      const entry: Arriving = { surface, callId, handler: name, credentials: { surface, token, isLocal: surface === "cli" } };
      let isRead = false;
      try {
        const caller = await kernel.enter(entry);
        const read = () => {
          isRead = true;
        };
        const outcome = await kernel.invoke({
          handler: name,
          surface,
          principal: caller,
          entry,
          callId,
          given: given(values, read),
        });
        if (outcome.ok) return { step: "handler", code: null };
        const { code, details } = outcome.error;
        const { id } = Object(details?.["approval"]) as { id?: string };
        const steps: Record<string, Stop["step"]> = {
          door: "exposure",
          bound: "auth",
          authorized: "approve",
          approved: "approve",
        };
        const step = steps[stages.get(callId) ?? ""] ?? (isRead ? "bind" : "rights");
        return { step, code, ...(id === undefined ? {} : { id }) };
      } catch (error) {
        if (!isQuaterError(error)) throw error;
        return { step: "door", code: error.code };
      }
    };
    const disagreements: Disagreement[] = [];
    const met = new Map<string, number>();
    let written = 0;
    const compare = async (each: Case) => {
      const before = stages.size;
      const predicted = await predict(each);
      written += stages.size - before;
      const { id, ...real } = await call(each);
      met.set(`${real.step} ${real.code}`, (met.get(`${real.step} ${real.code}`) ?? 0) + 1);
      if (predicted.step !== real.step || predicted.code !== real.code) disagreements.push({ given: each, predicted, real });
      return real.code === "approval_required" ? id : undefined;
    };
    let compared = 0;
    const generated = fc.sample(cases, { numRuns, seed });
    while (compared < numRuns) {
      const each = generated[compared] as Case;
      const id = await compare(each);
      compared += 1;
      if (id === undefined || each.decision === "none") continue;
      const { digest } = await approvals.show(approver.principal, id);
      await approvals.vote(approver, { id, verdict: each.decision === "deny" ? "deny" : "approve", digest });
      if (each.decision === "outdate") stock += 1;
      await compare(each);
    }
    return { compared, disagreements, met, written };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};

test("quater explain predicts the step and the error code of each of 2,000 generated calls, and records no event", async () => {
  const { compared, disagreements, met, written } = await agreement(2_000, 20_261_127);
  // The generated calls meet every step, with these codes.
  expect([...met.keys()].sort()).toEqual([
    "approve approval_backlog",
    "approve approval_denied",
    "approve approval_required",
    "approve approval_stale",
    "approve approval_unattributed",
    "auth forbidden",
    "auth missing_role",
    "bind invalid_input",
    "bind unknown_field",
    "door invalid_token",
    "exposure unknown_handler",
    "handler null",
    "rights missing_role",
    "rights missing_scope",
  ]);
  expect(disagreements).toEqual([]);
  expect([compared, written]).toEqual([2_000, 0]);
}, 300_000);
