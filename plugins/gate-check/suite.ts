// The gate suite tests the gate of a manifest. The gate suite boots a copy of the manifest and calls each exposed handler over
// each surface of the handler. In each call, one part is missing or wrong. By default, the gate suite opens nothing of the real
// project, because stand-ins replace the handlers, and the store is temporary. The stand-ins report their start to the gate
// suite.

import { isQuaterError, type Manifest } from "../../core/index.ts";

import type { Operation } from "../../core/plugin-api.ts";
import { NoSample } from "../../core/testing/sample.ts";
import { approvalCases, expiryCases } from "./approvals.ts";
import { type Case, cases, control, notExposed, surfaceOf, type Target, type Tried } from "./cases.ts";
import { fileCase, fileRows } from "./files.ts";
import { inputsOf } from "./inputs.ts";
import { type OwnTokens, ownCases, ownNames, ownRevoked } from "./own.ts";
import type { Granted } from "./principals.ts";
import { refusalCase, refusalRows } from "./refusals.ts";
import { Rehearsed } from "./rehearse.ts";
import { type GateReport, type GateRow, reportOf } from "./report.ts";
import { oneForEachSurface, revoked } from "./revoked.ts";
import { Untried } from "./untried.ts";

export type { OwnTokens } from "./own.ts";
export type { Granted } from "./principals.ts";
export type { GateReport, GateRow } from "./report.ts";

export interface GateSuiteOptions {
  /** Inputs that the handlers accept, by handler, for schemas from which the gate suite can make no input. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** The rights that the policy functions of a handler need in a principal, by handler. */
  readonly principals?: Readonly<Record<string, Granted>>;
  /** The names of the handlers to try. Default: all handlers. */
  readonly only?: readonly string[];
  /**
   * With `real`, an allowed call runs the handler of the manifest, with the resources and side effects of the handler. By
   * default, an allowed call runs a stand-in, which returns a sample of the output's schema.
   */
  readonly handlers?: "stand-in" | "real";
  /**
   * With `real`, the gate suite opens the resources of the manifest, for policies that read these resources. Handlers and
   * previews do not run. By default, the gate suite opens no resource, and cannot try a policy that reads a resource.
   */
  readonly resources?: "stand-in" | "real";
  /**
   * Tokens for the surface's own authenticator, by surface, so that the gate suite also tests this authenticator. By default, the
   * gate suite uses only its own tokens.
   */
  readonly tokens?: Readonly<Record<string, OwnTokens>>;
  /** The folder of the project, for key files, real handlers and authenticators. Default: the current folder. */
  readonly root?: string;
  /** The gate suite calls this function before it tries each handler on each surface. */
  readonly onProgress?: (done: number, all: number, what: string) => void;
}

/**
 * How long approvals are valid in the cases in which approvals must expire, milliseconds. The time `hurriedMs` is short, but the
 * gate suite can vote within this time.
 */
const hurriedMs = 100;

/**
 * Calls each handler through the probe of each surface. In each call, one part is missing or wrong.
 *
 * @example
 * const report = await gateSuite(manifest);
 * expect(report.holes).toEqual([]);
 * @throws {BootError} when the manifest does not boot.
 */
export const gateSuite = async (manifest: Manifest, options: GateSuiteOptions = {}): Promise<GateReport> => {
  const { root = process.cwd(), tokens = {} } = options;
  const isReal = options.handlers === "real";
  const choice = { isReal, opensResources: isReal || options.resources === "real", root };
  const rows: GateRow[] = [];
  await using rehearsed = await Rehearsed.boot(manifest, choice);
  const targets = await targetsOf(rehearsed, options);
  const all = targets.length;
  for (const [at, target] of targets.entries()) {
    const { operation, surface } = target;
    options.onProgress?.(at, all, `${operation.name} over ${surfaceOf(target)}`);
    if (!operation.surfaces.has(surface)) rows.push(...(await rowsOf(notExposed, target)));
    else if (!rehearsed.hasProbe(surface)) rows.push(unreachable(target));
    else
      for (const each of target.needsApproval ? [...cases, ...approvalCases] : cases) rows.push(...(await rowsOf(each, target)));
  }
  for (const target of oneForEachSurface(targets, rows, control.name)) rows.push(...(await rowsOf(revoked, target)));
  rows.push(...refusalRows(rehearsed.refusals), ...foreignPolicies(targets));
  const waiting = targets.filter(({ needsApproval }) => needsApproval);
  if (waiting.length > 0) {
    await using hurried = await Rehearsed.boot(manifest, { ...choice, usableForMs: hurriedMs });
    for (const target of waiting)
      for (const each of expiryCases) rows.push(...(await rowsOf(each, { ...target, rehearsed: hurried })));
  }
  if (Object.keys(tokens).length > 0) {
    await using own = await Rehearsed.boot(manifest, { ...choice, hasOwnDoors: true });
    for (const target of targets) {
      const shown = tokens[target.surface];
      if (shown === undefined || !target.operation.surfaces.has(target.surface)) continue;
      for (const each of ownCases(shown)) rows.push(...(await rowsOf(each, { ...target, rehearsed: own })));
    }
    for (const target of oneForEachSurface(targets, rows, ownNames[3]))
      rows.push(...(await rowsOf(ownRevoked(tokens[target.surface] as OwnTokens), { ...target, rehearsed: own })));
  }
  if (all > 0) rows.push(...fileRows(manifest, root));
  options.onProgress?.(all, all, "");
  return reportOf(rows, order);
};

const policyCase = "a policy of its own";

/**
 * Checks that policy functions read only inputs and resources of their handler. The gate suite makes this check after the other
 * cases, because policy functions read inputs during the calls of the other cases.
 */
const foreignPolicies = (targets: readonly Target[]): readonly GateRow[] =>
  targets.flatMap(({ operation: { name, surfaces }, surface, way, rehearsed }): readonly GateRow[] => {
    const reads = surfaces.has(surface) && way === undefined ? rehearsed.policies.foreignTo(name) : undefined;
    if (reads === undefined) return [];
    const about = { handler: name, surface, case: policyCase, expected: "reads only fields that the handler has" };
    if (reads.length === 0) return [{ ...about, got: about.expected, ok: true }];
    const got = `reads ${reads.join(" and ")}`;
    return [
      {
        ...about,
        got,
        ok: false,
        hole: `The handler ${name}, called over ${surface}, has a policy that ${got}, but the handler has no such input or resource`,
      },
    ];
  });

const order = [
  ...cases.slice(0, -1),
  revoked,
  ...approvalCases.filter(({ name }) => name !== control.name),
  ...expiryCases,
  notExposed,
  control,
]
  .map(({ name }) => name)
  .concat(policyCase, refusalCase, ownNames, fileCase);

const targetsOf = async (
  rehearsed: Rehearsed,
  { inputs = {}, principals = {}, tokens = {}, only }: GateSuiteOptions,
): Promise<Target[]> => {
  const { operations } = rehearsed.catalog;
  for (const surface of Object.keys(tokens))
    if (!rehearsed.surfaces.includes(surface))
      throw new Error(
        `The option tokens of the gate suite names ${surface}, but no handler is exposed over ${surface}. Remove these tokens`,
      );
  for (const name of [...Object.keys(inputs), ...Object.keys(principals), ...(only ?? [])])
    if (rehearsed.catalog.get(name) === undefined)
      throw new Error(
        `An option of the gate suite names the handler ${name}, but the manifest has no handler of this name. Correct the name`,
      );
  const chosen = operations.filter(({ name }) => only === undefined || only.includes(name));
  const targets = chosen.map(async (operation) => {
    const made = await inputsOf(operation, inputs[operation.name]);
    const surfaces = rehearsed.surfaces.filter((surface) => operation.surfaces.has(surface) || rehearsed.hasProbe(surface));
    return surfaces.flatMap((surface) =>
      rehearsed.waysTo(operation, surface).map((way) => ({
        operation,
        surface,
        ...(way === undefined ? {} : { way }),
        rehearsed,
        inputs: made,
        granted: principals[operation.name] ?? {},
        needsApproval: operation.surfaces.has(surface) && asksPeople(rehearsed, operation, surface),
      })),
    );
  });
  return (await Promise.all(targets)).flat();
};

/**
 * Whether calls of the handler need approval on this surface. An exposure may limit the approval to some surfaces of the handler.
 */
const asksPeople = (rehearsed: Rehearsed, operation: Operation, surface: string): boolean =>
  operation.needsApproval && rehearsed.approvals.requirementOf(operation)?.surfaces?.includes(surface) !== false;

const rowsOf = async (each: Case, target: Target): Promise<readonly GateRow[]> => {
  const about = { handler: target.operation.name, surface: surfaceOf(target), case: each.name };
  const place = `The handler ${about.handler}, called over ${about.surface},`;
  let found: readonly Tried[];
  try {
    found = await each.run(target);
  } catch (error) {
    const why = whyUntried(error, about.handler);
    return [
      {
        ...about,
        expected: "tested",
        got: "not tested",
        ok: false,
        hole: `${place} could not be tested in the case "${each.name}": ${why}`,
      },
    ];
  }
  if (found.length === 0) return [];
  const wrong = found.find(isWrong);
  const shown = wrong === undefined ? found : [wrong];
  const row = {
    ...about,
    expected: joined(shown.map(({ expected }) => expected.join(" or "))),
    got: joined(shown.map(({ got }) => got)),
  };
  if (wrong === undefined) return [{ ...row, ok: true }];
  const remedy = each.remedy === undefined ? "" : `. ${each.remedy(target)}`;
  return [{ ...row, ok: false, hole: `${place} ${sentence(each, wrong)}${remedy}` }];
};

/**
 * Returns why the gate suite could not try a case. Throws any other error again, because any other error is a mistake of the gate
 * suite.
 */
const whyUntried = (error: unknown, handler: string): string => {
  if (error instanceof NoSample)
    return `the suite cannot create an input from the schema (${error.message}). Add an input to inputs.${handler}`;
  if (error instanceof Untried || isQuaterError(error)) return error.message;
  throw error;
};

const isWrong = ({ expected, got }: Tried): boolean => !expected.includes(got);

const sentence = ({ hole }: Case, { expected, got, hasRun, message, how }: Tried): string => {
  const what = how === undefined ? hole : `${hole} (${how})`;
  if (hasRun) return what;
  if (expected.includes("ran")) return `${what}: ${got}${message === "" ? "" : `, ${message}`}`;
  // The error code is enough to explain a refusal. For the error code `internal`, the sentence also contains the error message.
  const why = got === "internal" ? `: ${message}` : "";
  return `ended with ${got} instead of ${expected.join(" or ")} in the test for a handler that ${what}${why}`;
};

const joined = (texts: readonly string[]): string => [...new Set(texts)].join(", ");

const unreachable = ({ operation, surface }: Target): GateRow => ({
  handler: operation.name,
  surface,
  case: "all in order",
  expected: "ran",
  got: "not tested",
  ok: false,
  hole: `The handler ${operation.name}, called over ${surface}, could not be tested, because the plugin of ${surface} has no probe`,
});
