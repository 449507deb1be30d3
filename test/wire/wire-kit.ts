// A small shop on all surfaces. The wire tests compare the responses of the shop word for word, so `pinned` replaces the parts
// that differ in each run.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyone, can, conflict, handler, QuaterError, stream, Type } from "quater";
import { approvalsRef } from "quater/approval";
import { httpRef } from "quater/http";
import { approval, audit, cli, http, mcp, store } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import type { Offers } from "./offers.ts";

/** The people of the shop. `ana` makes calls, `bea` decides approval requests, and `dan` has no rights. */
export const people = {
  ana: principal({ subject: "ana", scopes: ["shop"] }),
  bea: principal({ subject: "bea", roles: ["finance"] }),
  dan: principal({ subject: "dan" }),
};

const getOrder = handler({
  description: "Gets an order.",
  effect: "read",
  input: Type.Object({ orderId: Type.String({ maxLength: 20 }), limit: Type.Integer({ default: 3 }) }),
  output: Type.Object({ orderId: Type.String(), limit: Type.Integer() }),
  auth: can("shop"),
  handle: (input) => input,
});
const pay = handler({
  description: "Pays somebody.",
  effect: "destructive",
  input: Type.Object({ to: Type.String(), cents: Type.Integer() }),
  auth: can("shop"),
  preview: ({ cents }) => ({ leaves: cents }),
  handle: ({ cents }) => ({ paid: cents }),
});
const fail = handler({
  description: "Fails in the way that is asked for.",
  effect: "write",
  input: Type.Object({ how: Type.String() }),
  auth: can("shop"),
  handle: ({ how }) => {
    if (how === "conflict") conflict("The order is closed");
    if (how === "busy") throw new QuaterError({ code: "busy", kind: "unavailable", message: "Busy", retryAfterSeconds: 7 });
    throw new Error("inside");
  },
});
const count = handler({
  description: "Counts.",
  effect: "read",
  input: Type.Object({ to: Type.Integer() }),
  output: stream(Type.Object({ n: Type.Integer() })),
  auth: can("shop"),
  async *handle({ to }) {
    for (let n = 1; n <= to; n++) yield { n };
    if (to === 2) conflict("Two is too few");
  },
});
const steps = handler({
  description: "Works in steps.",
  effect: "write",
  input: Type.Object({}),
  auth: anyone,
  handle: (_, { progress }) => {
    progress(0.5, "half");
    return "done";
  },
});

export const handlers = { getOrder, pay, fail, count, steps };

export interface Wire extends AsyncDisposable {
  readonly app: TestApp;
  readonly root: string;
  readonly baseUrl: string;
  readonly approve: (id: string, verdict?: "approve" | "deny") => Promise<void>;
}

export const bootWire = async ({ handlers: more, expose }: Partial<Offers> = {}): Promise<Wire> => {
  const root = mkdtempSync(join(tmpdir(), "quater-wire-"));
  const authenticate = tokens(people);
  const app = await bootTest({
    root,
    handlers: { ...handlers, ...more },
    expose: {
      getOrder: { http: "GET /orders/:orderId", mcp: true, cli: true },
      pay: { http: "POST /payments", mcp: true, cli: true, approval: "finance" },
      fail: { http: "POST /failures", mcp: true, cli: true },
      count: { http: "GET /numbers", mcp: true, cli: true },
      steps: { http: "POST /steps", mcp: true, cli: true },
      ...expose,
    },
    plugins: [
      http({ port: 0, authenticate }),
      mcp({ authenticate }),
      cli({ authenticate }),
      store(),
      audit({ sinks: [{ file: "sink.jsonl" }] }),
      approval({
        authenticate,
        publicUrl: "https://shop.example",
        policies: { finance: { approvers: [{ role: "finance" }] } },
      }),
    ],
  });
  const { services } = app;
  const approvals = services.get(approvalsRef);
  return {
    app,
    root,
    baseUrl: services.get(httpRef).baseUrl ?? "",
    approve: async (id, verdict = "approve") => {
      const { digest } = await approvals.show(people.bea, id);
      await approvals.vote({ principal: people.bea, via: "api" }, { id, verdict, digest });
    },
    [Symbol.asyncDispose]: async () => {
      await app.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

/** Returns the id of the approval request in a response. */
export const approvalIn = (text: string): string => /apr_[a-z2-7]{20}/.exec(text)?.[0] ?? "";

const variable: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<callId>"],
  [/apr_[a-z2-7]{20}/g, "<approvalId>"],
  [/hmac:[\w-]+:[0-9a-f]{64}/g, "<tag>"],
  [/(?:sha256:)?[0-9a-f]{64}/g, "<digest>"],
  [/chain-[\w-]+/g, "<key>"],
  [/SHA256:[A-Za-z0-9+/]{43}/g, "<fingerprint>"],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "<time>"],
  [/(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g, "<date>"],
  [/127\.0\.0\.1:\d+/g, "<host>"],
  [
    /"(at|requestState|first|last|durationMs|pid|instance|signature|genesis|head|key|node|host|version|boot|voteId|digestStart|pendingUntil|usableUntil)":\s*(?:\d+(?:\.\d+)?|"(?!<)[^"]*")/g,
    '"$1": "<$1>"',
  ],
];

/** Converts a value to indented JSON, with a placeholder for each part that differs in each run. */
export const pinned = (value: unknown): string =>
  variable.reduce((text, [pattern, name]) => text.replace(pattern, name), `${JSON.stringify(value, null, 2)}\n`);
