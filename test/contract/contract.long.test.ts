// H16: an app keeps to its OpenAPI document. Values that the document accepts are accepted, values just outside are refused with a
// path, and every answer is described.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, expect, test, vi } from "vitest";
import { conduit, type Running, shop, shopFile } from "./apps.ts";
import type { Received } from "./document.ts";
import { type Call, type Target, Traffic } from "./traffic.ts";

/** Of each app. */
const calls = Number(process.env["QUATER_SOAK_CONTRACT"] ?? 2_000) / 2;
/** A failed run prints it. */
const seed = Number(process.env["QUATER_CONTRACT_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

vi.stubEnv("SHOP_DB", shopFile(mkdtempSync(`${tmpdir()}/quater-contract-`)));
afterAll(() => void vi.unstubAllEnvs());

/** Refusals of a request that does not fit the document. */
const ofRequest = [400, 405, 406, 413, 415, 422];

const faultsOf = ({ document, rules, placesOf }: Target, call: Call, received: Received): readonly string[] => {
  const { status, text } = received;
  const found = [...document.faultsOf(call.operation, received)];
  if (status >= 500) found.push("the app failed");
  if (call.fault === undefined) {
    const isByRule = rules.some((rule) => rule.test(text));
    const isRefused = ofRequest.includes(status) && !isByRule;
    if (call.isAnonymous && call.operation.needsCredential) {
      if (status !== 401) found.push("a call without a credential is not refused");
    } else if (isRefused) found.push("an accepted value is refused");
  } else if (call.fault === "" && status === 415)
    return found; // without a body there is no media type
  else if (status !== 422) found.push(`a fault at ${call.fault} is not refused with 422`);
  else if (!names(placesOf(JSON.parse(text)), call.fault)) found.push(`the refusal does not name ${call.fault}`);
  return found;
};

/** Whether a refusal names a place: the one with the fault, one around it or one in it. An envelope of the body is not named. */
const names = (places: readonly string[], fault: string): boolean => {
  const possible = [fault, fault.replace(/^\/[^/]+(?=\/)/, "")];
  const named = fault === "" ? places : places.filter((place) => place.length > 1); // "" and "/" are the whole input
  return named.some((place) => possible.some((one) => one.startsWith(place) || place.startsWith(one)));
};

const said = ({ operation, target, init, fault }: Call, { status, text }: Received): string =>
  `${operation.id}: ${init.method} ${target.slice(0, 200)} ${(init.body ?? "").slice(0, 300)} (fault: ${fault}) gave ${status} ${text.slice(0, 300)}`;

test.each<[string, () => Promise<Running>]>([
  ["the shop", shop],
  ["Conduit", conduit],
])(
  "H16: the app %s accepts inputs, refuses inputs and answers as its OpenAPI document describes",
  async (_, boot) => {
    await using app = await boot();
    const traffic = new Traffic(app.target);
    const found: string[] = [];
    let count = 0;
    const send = async (call: Call) => {
      const received = await traffic.send(call);
      count++;
      const faults = faultsOf(app.target, call, received);
      if (faults.length > 0) found.push(`seed ${seed}: ${faults.join("; ")}: ${said(call, received)}`);
    };
    for (const call of traffic.accepted(calls / 2, seed)) await send(call);
    for (const call of traffic.wrong(calls / 2, seed)) await send(call);
    expect(found.slice(0, 5)).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(calls * 0.95);
  },
  60_000 + calls * 100,
);
