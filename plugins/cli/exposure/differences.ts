// Compares two descriptions of a project's exposure, and describes each difference in words.

import { approvalFindings } from "./approval-differences.ts";
import { type Difference, differenceOf, type Finding, finding, isSame } from "./difference.ts";
import type { Kept, KeptDoor, KeptHandler, KeptWay } from "./kept.ts";
import { comparedAuth } from "./kept-auth.ts";
import { schemaFindings } from "./schema-differences.ts";

/** Returns the differences in this order: wider differences, narrower differences, other changes. */
export const differencesBetween = (before: Kept, after: Kept): readonly Difference[] => {
  const renamed = renamedHandlers(before, after);
  const found: Difference[] = [];
  const say = (subject: string, findings: readonly Finding[]) =>
    found.push(...findings.map((each) => differenceOf(subject, each)));
  if (before.app !== after.app)
    say("the project", [finding("changed", `the name ${before.app} is now ${after.app}`, before.app, after.app)]);
  for (const surface of keysOf(before.doors, after.doors))
    say(`surface ${surface}`, doorFindings(before.doors[surface], after.doors[surface]));
  for (const option of keysOf(before.admits, after.admits))
    say("the project", admitFindings(option, before.admits[option] ?? [], after.admits[option] ?? []));
  say("the project", mountFindings(before.outsideThePipeline, after.outsideThePipeline));
  for (const name of names(before, after)) {
    const [was, is] = [before, after].map(({ handlers }) => handlers.find(({ handler }) => handler === name));
    const [old, now] = [renamed.get(name), [...renamed].find(([, other]) => other === name)?.[0]];
    if (old !== undefined) say(name, [finding("changed", `the handler ${old} has the name ${name} now`, old, name)]);
    else if (now === undefined) say(name, handlerFindings(was, is));
  }
  const order = ["widened", "narrowed", "changed"];
  return found.toSorted((one, other) => order.indexOf(one.verdict) - order.indexOf(other.verdict));
};

const names = (before: Kept, after: Kept): readonly string[] =>
  [...new Set([...before.handlers, ...after.handlers].map(({ handler }) => handler))].sort();

const keysOf = (one: object, other: object): readonly string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();

/**
 * Finds handlers that differ only in their names. Everything that decides who can reach the handler must be equal, so a renamed
 * handler gives no caller more or less access. @returns The old name of each renamed handler by its new name.
 */
const renamedHandlers = (before: Kept, after: Kept): ReadonlyMap<string, string> => {
  const missingIn = ({ handlers }: Kept, all: Kept) =>
    all.handlers.filter(({ handler }) => !handlers.some((other) => other.handler === handler));
  const [gone, fresh] = [missingIn(after, before), missingIn(before, after)];
  const isAlike = ({ handler: _, ...one }: KeptHandler, { handler: __, ...other }: KeptHandler) => isSame(one, other);
  return new Map(
    fresh.flatMap((is): [string, string][] => {
      const [was, second] = gone.filter((each) => isAlike(each, is));
      const isOnly = fresh.filter((each) => isAlike(each, is)).length === 1;
      return was !== undefined && second === undefined && isOnly ? [[is.handler, was.handler]] : [];
    }),
  );
};

const handlerFindings = (was: KeptHandler | undefined, is: KeptHandler | undefined): readonly Finding[] => {
  if (was === undefined) return is === undefined ? [] : [newFinding(is)];
  if (is === undefined) return [finding("narrowed", "the handler is gone", was, undefined)];
  const gated = ({ approval, surfaces }: KeptHandler) => ({ approval, surfaces: Object.keys(surfaces) });
  return [
    ...surfaceFindings(was, is),
    ...publicFindings(was, is),
    ...authFindings(was, is),
    ...approvalFindings(gated(was), gated(is)),
    ...effectFindings(was, is),
    ...previewFindings(was, is),
    ...keysOf(was.keys, is.keys).flatMap((key) => keyFindings(key, was.keys[key], is.keys[key])),
    ...schemaFindings(was.input, is.input, "input"),
    ...schemaFindings(was.output, is.output, "output"),
    ...(was.streams === is.streams
      ? []
      : [finding("changed", `the handler ${is.streams ? "returns" : "no longer returns"} a stream`, was.streams, is.streams)]),
    ...(was.description === is.description
      ? []
      : [finding("changed", `description: ${is.description}`, was.description, is.description)]),
  ];
};

const newFinding = (is: KeptHandler): Finding => {
  const { surfaces, auth, approval } = is;
  const places = Object.entries(surfaces).map(([surface, { ways }]) => `${surface} (${ways.join(", ")})`);
  const callers = is.public ? "public" : `auth ${auth.words}`;
  const rest = [callers, `effect ${is.effect}`, approval === null ? "no approval" : `approval ${approval.policy}`].join(", ");
  if (places.length === 0) return finding("changed", `the handler is new, but no surface exposes it: ${rest}`, undefined, is);
  return finding("widened", `the handler is new on ${places.join(", ")}: ${rest}`, undefined, is);
};

const surfaceFindings = (was: KeptHandler, is: KeptHandler): readonly Finding[] =>
  keysOf(was.surfaces, is.surfaces).flatMap((surface): readonly Finding[] => {
    const [old, now] = [was.surfaces[surface], is.surfaces[surface]];
    if (now === undefined) return [finding("narrowed", `is no longer exposed on ${surface}`, old, now)];
    if (old === undefined) return [finding("widened", `is exposed on ${surface} now (${now.ways.join(", ")})`, old, now)];
    return wayFindings(surface, old, now);
  });

const wayFindings = (surface: string, old: KeptWay, now: KeptWay): readonly Finding[] => [
  ...now.ways
    .filter((way) => !old.ways.includes(way))
    .map((way) => finding("widened", `can be called over ${surface} as ${way} now`, old.ways, now.ways)),
  ...old.ways
    .filter((way) => !now.ways.includes(way))
    .map((way) => finding("narrowed", `can no longer be called over ${surface} as ${way}`, old.ways, now.ways)),
  ...keysOf(old.options, now.options)
    .filter((key) => !isSame(old.options[key], now.options[key]))
    .map((key) => optionFinding(surface, key, old.options[key], now.options[key])),
];

/**
 * Compares one option of an exposure. A route with `extra: "drop"` accepts unknown fields, and a route with `forms` accepts
 * bodies of HTML forms. The other options only change documents, names and formats of calls.
 */
const optionFinding = (surface: string, key: string, old: unknown, now: unknown): Finding => {
  const what = `${surface} option ${key}: ${shown(old)} -> ${shown(now)}`;
  const [before, after] = [{ [key]: old ?? null }, { [key]: now ?? null }];
  if (key === "extra" || key === "forms") {
    const isWider = key === "extra" ? now === "drop" : now === true || (now === undefined && old === false);
    return finding(isWider ? "widened" : "narrowed", what, before, after);
  }
  return finding("changed", what, before, after);
};

const shown = (value: unknown): string => (value === undefined ? "(none)" : JSON.stringify(value));

const publicFindings = (was: KeptHandler, is: KeptHandler): readonly Finding[] => {
  if (was.public === is.public) return [];
  const what = is.public ? "is public now: callers need no credential" : "is no longer public: callers need a credential";
  return [finding(is.public ? "widened" : "narrowed", what, was.public, is.public)];
};

const unreadable = "Quater cannot compare functions. Read the change of the code";

const authFindings = (was: KeptHandler, is: KeptHandler): readonly Finding[] => {
  if (isSame(was.auth, is.auth)) return [];
  const { letsMoreIn, keepsMoreOut, changedFunctions } = comparedAuth(was.auth, is.auth);
  const what = `auth changed from ${was.auth.words} to ${is.auth.words}`;
  const changed = changedFunctions.map((name) => {
    const of = name === "" ? "a function" : `the policy ${name}`;
    return finding("changed", `auth: ${of} has other code now`, was.auth, is.auth, unreadable);
  });
  if (letsMoreIn) return [finding("widened", what, was.auth, is.auth), ...changed];
  if (keepsMoreOut) return [finding("narrowed", what, was.auth, is.auth), ...changed];
  return changed.length > 0 ? changed : [finding("changed", what, was.auth, is.auth)];
};

const effects = ["read", "write", "destructive"];

/**
 * Compares the effects of a handler. A stronger effect lets the same callers change more. An effect that became `read` is also
 * wider, because the trail then records calls only after the calls ran, and agents call the tool without a confirmation.
 */
const effectFindings = (was: KeptHandler, is: KeptHandler): readonly Finding[] => {
  const found: Finding[] = [];
  if (was.effect !== is.effect) {
    const isStronger = effects.indexOf(is.effect) > effects.indexOf(was.effect);
    const what = `effect changed from ${was.effect} to ${is.effect}`;
    const warning = isStronger ? undefined : "Check that the code of the handler has the weaker effect";
    found.push(finding(isStronger || is.effect === "read" ? "widened" : "changed", what, was.effect, is.effect, warning));
  }
  if (was.idempotent !== is.idempotent && was.effect === is.effect)
    found.push(finding("changed", `idempotent is ${is.idempotent} now`, was.idempotent, is.idempotent));
  return found;
};

/** Compares whether a handler has a preview. Approvers decide by the preview, and an approval is valid only for one preview. */
const previewFindings = (was: KeptHandler, is: KeptHandler): readonly Finding[] => {
  if (was.preview === is.preview) return [];
  const isForApprovers = was.approval !== null && is.approval !== null;
  if (is.preview) return [finding(isForApprovers ? "narrowed" : "changed", "has a preview now", false, true)];
  const what = isForApprovers ? "approvers no longer see a preview" : "has no preview any more";
  return [finding(isForApprovers ? "widened" : "changed", what, true, false)];
};

const auditLevels = ["off", "metadata", "request", "response"];

/** Compares one exposure key of a plugin. A removed key counts as wider, because the key may have protected the handler. */
const keyFindings = (key: string, old: unknown, now: unknown): readonly Finding[] => {
  if (isSame(old, now)) return [];
  const what = `${key}: ${shown(old)} -> ${shown(now)}`;
  const say = (verdict: Finding["verdict"]) => [finding(verdict, what, { [key]: old ?? null }, { [key]: now ?? null })];
  if (key === "audit") {
    // The default audit level depends on the handler, so `auditLevels` gives no order for an absent level.
    const [was, is] = [auditLevels.indexOf(String(old)), auditLevels.indexOf(String(now))];
    if (now === "off" || now === "metadata") return say(was >= 0 && was < is ? "narrowed" : "widened");
    return say(was < 0 || is < 0 ? "changed" : is < was ? "widened" : "narrowed");
  }
  if (now === undefined) return say("widened");
  return say(old === undefined && key === "lock" ? "narrowed" : "changed");
};

const doorFindings = (was: KeptDoor | undefined, is: KeptDoor | undefined): readonly Finding[] => {
  if (isSame(was, is)) return [];
  if (was === undefined) return [finding("changed", `has the authenticator ${is?.authenticator} now`, was, is, unreadable)];
  if (is === undefined) return [finding("narrowed", `the authenticator ${was.authenticator} is gone`, was, is)];
  const fresh = is.accepts.filter((one) => !was.accepts.includes(one));
  const gone = was.accepts.filter((one) => !is.accepts.includes(one));
  return [
    ...fresh.map((one) => finding("widened", `tokens of ${one} are accepted now`, was.accepts, is.accepts)),
    ...gone.map((one) => finding("narrowed", `tokens of ${one} are no longer accepted`, was.accepts, is.accepts)),
    ...(was.authenticator === is.authenticator
      ? []
      : [
          finding(
            "changed",
            `the authenticator ${was.authenticator} is now ${is.authenticator}`,
            was.authenticator,
            is.authenticator,
            unreadable,
          ),
        ]),
  ];
};

/** Compares the entries of one http() option that lists hosts, origins or proxies. An added entry admits more HTTP requests. */
const admitFindings = (option: string, was: readonly string[], is: readonly string[]): readonly Finding[] => [
  ...is.filter((one) => !was.includes(one)).map((one) => finding("widened", `${option} has ${one} now`, null, one)),
  ...was.filter((one) => !is.includes(one)).map((one) => finding("narrowed", `${option} no longer has ${one}`, one, null)),
];

const mountFindings = (was: readonly string[], is: readonly string[]): readonly Finding[] => [
  ...is
    .filter((route) => !was.includes(route))
    .map((route) => finding("widened", `the route ${route} is mounted now, without the checks of a handler`, null, route)),
  ...was
    .filter((route) => !is.includes(route))
    .map((route) => finding("narrowed", `the route ${route} is no longer mounted`, route, null)),
];
