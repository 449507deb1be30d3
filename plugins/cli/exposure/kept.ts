// Describes everything that decides who can reach a handler, as data that is kept in the file `quater.exposure.json`. The same
// manifest always gives the same data.

import type { Kernel } from "../../../core/boot/kernel.ts";
import { asAuthenticator } from "../../../core/model/authenticator.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { canonicalText, digestOfText } from "../../../core/schema/digest.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { approvalsRef, httpRef, type Rules } from "../../offered.ts";
import { reachable } from "./exposure.ts";
import { type KeptAuth, keptAuth, textDigest } from "./kept-auth.ts";

/** A schema, and the digest of its RFC 8785 text. */
export interface KeptSchema {
  readonly digest: string;
  readonly schema: JsonSchema;
}

/** How callers reach a handler over one surface. */
export interface KeptWay {
  /** The route, the name of the surface's kind (`tool`, `resource`, `prompt`), or `yes`. */
  readonly ways: readonly string[];
  /** The other options of the exposure for this surface. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface KeptHandler {
  readonly handler: string;
  readonly description: string;
  readonly effect: string;
  readonly idempotent: boolean;
  readonly public: boolean;
  readonly auth: KeptAuth;
  /** The rules of the approval policy. `null` if nobody must approve calls. */
  readonly approval: Rules | null;
  /** Whether the handler has a preview. Approvers see the preview, and an approval is valid only for this preview. */
  readonly preview: boolean;
  readonly surfaces: Readonly<Record<string, KeptWay>>;
  /** The exposure keys of other plugins, such as `audit` and `lock`. */
  readonly keys: Readonly<Record<string, unknown>>;
  readonly streams: boolean;
  readonly input: KeptSchema;
  /** `null` if the handler has no output schema. */
  readonly output: KeptSchema | null;
}

/** The authenticator of a surface. Quater cannot see which credentials the code of the authenticator accepts. */
export interface KeptDoor {
  readonly authenticator: string;
  /** The token issuers and audiences that the authenticator accepts, `<issuer> for <audience>`. */
  readonly accepts: readonly string[];
}

export interface Kept {
  readonly app: string;
  /** The entries of the options of http() that decide whose requests are read, by the name of the option: `allowedOrigins`. */
  readonly admits: Readonly<Record<string, readonly string[]>>;
  /** By surface. */
  readonly doors: Readonly<Record<string, KeptDoor>>;
  /** The routes that plugins and users mounted on the HTTP server. No handler's policy protects them. */
  readonly outsideThePipeline: readonly string[];
  /** Sorted by name. */
  readonly handlers: readonly KeptHandler[];
}

/** Returns the description of the booted project. The handlers' modules must all be loaded. */
export const keptOf = ({ catalog, plugins, services, project }: Kernel): Kept => {
  const surfaces = plugins.flatMap(({ surface, exposure = [] }) =>
    surface !== undefined && exposure.some(({ key }) => key === surface.name) ? [surface] : [],
  );
  const surfaceNames = new Set(surfaces.map(({ name }) => name));
  const approvals = services.find(approvalsRef);
  const handlers = catalog.operations.map((operation): KeptHandler => {
    const { name, handler, policy, isPublic, exposure, input, output, isStream } = operation;
    const ways = surfaces.filter((surface) => operation.surfaces.has(surface.name));
    const rules = approvals?.rulesOf(operation) ?? null;
    // The approval key of another plugin has no rules that Quater knows, so its value is kept.
    const told = new Set([...surfaceNames, "public", "name", ...(rules === null ? [] : ["approval"])]);
    const keys = Object.entries(exposure).filter(([key]) => !told.has(key));
    return {
      handler: name,
      description: handler.description,
      effect: handler.effect,
      idempotent: handler.idempotent ?? handler.effect === "read",
      public: isPublic,
      auth: keptAuth(handler.auth, policy.name),
      approval: rules,
      preview: handler.preview !== undefined,
      surfaces: sortedTable(ways.map((surface) => [surface.name, wayOf(operation, surface)])),
      keys: sortedTable(keys.map(([key, value]) => [key, plain(value)])),
      streams: isStream,
      input: keptSchema(input),
      output: output === undefined ? null : keptSchema(output),
    };
  });
  // Surfaces without handlers, such as the approvals page, let callers in, too.
  const doors = plugins.flatMap(({ surface }): [string, KeptDoor][] => {
    if (surface?.authenticate === undefined) return [];
    const { name, authenticate } = surface;
    const { name: authenticator, accepts = [] } = asAuthenticator(authenticate);
    return [[name, { authenticator, accepts: accepts.map(({ issuer, audience }) => `${issuer} for ${audience}`).sort() }]];
  });
  const admits = Object.entries(services.find(httpRef)?.admits ?? {});
  return {
    app: project.name,
    admits: sortedTable(admits.map(([option, entries]) => [option, [...entries].sort()])),
    doors: sortedTable(doors),
    outsideThePipeline: [...(services.find(httpRef)?.mounted ?? [])].sort(),
    handlers: handlers.sort((one, other) => (one.handler < other.handler ? -1 : 1)),
  };
};

const wayOf = (operation: Operation, surface: NonNullable<Kernel["plugins"][number]["surface"]>): KeptWay => {
  const given = operation.exposure[surface.name];
  const { route: _, ...options } = isPlainObject(given) ? given : {};
  const ways = surface.ways?.(operation) ?? [reachable(operation, surface.name) ?? "yes"];
  return { ways: [...ways].sort(), options: plain(options) as Readonly<Record<string, unknown>> };
};

export const keptSchema = (schema: JsonSchema): KeptSchema => {
  const known = plain(schema) as JsonSchema;
  return { digest: digestOfText(canonicalText(known)), schema: known };
};

const sortedTable = <Value>(entries: readonly (readonly [string, Value])[]): Readonly<Record<string, Value>> =>
  Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));

/** Returns the value as JSON with sorted keys. A function becomes the digest of its text. */
const plain = (value: unknown): unknown => {
  if (typeof value === "function") return { function: textDigest(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return typeof value === "bigint" ? String(value) : value;
  return sortedTable(Object.entries(value).flatMap(([key, part]) => (part === undefined ? [] : [[key, plain(part)] as const])));
};
