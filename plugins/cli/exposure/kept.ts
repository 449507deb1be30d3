// Describes everything that decides who can reach a handler, as data for the exposure file `quater.exposure.json`. The same
// manifest always gives the same data.

import type { Kernel } from "../../../core/boot/kernel.ts";
import { asAuthenticator } from "../../../core/model/authenticator.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { canonicalText, digestOfText } from "../../../core/schema/digest.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { approvalsRef, httpRef, type Rules } from "../../offered.ts";
import { reachable } from "./exposure.ts";
import { type KeptAuth, keptAuth, textDigest } from "./kept-auth.ts";

/** A schema, and the digest of the RFC 8785 text of the schema. */
export interface KeptSchema {
  readonly digest: string;
  readonly schema: JsonSchema;
}

/** The ways in which callers reach a handler over one surface. */
export interface KeptWay {
  /** The ways on one surface: the route, `tool`, `resource` and `prompt`, or `yes`. */
  readonly ways: readonly string[];
  /** The other options of the handler's exposure for this surface. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface KeptHandler {
  readonly handler: string;
  readonly description: string;
  readonly effect: string;
  readonly idempotent: boolean;
  readonly public: boolean;
  readonly auth: KeptAuth;
  /** The rules of the handler's approval policy; `null` if calls of the handler need no approval. */
  readonly approval: Rules | null;
  /** Whether the handler has a preview. Approvers see the preview, and an approval is valid only for this preview. */
  readonly preview: boolean;
  readonly surfaces: Readonly<Record<string, KeptWay>>;
  /** The exposure keys of plugins that are not surfaces, such as `audit` and `lock`. */
  readonly keys: Readonly<Record<string, unknown>>;
  readonly streams: boolean;
  readonly input: KeptSchema;
  /** The output schema of the handler; `null` if the handler has no output schema. */
  readonly output: KeptSchema | null;
}

/** The authenticator of a surface. Quater cannot see which credentials the code of the authenticator accepts. */
export interface KeptDoor {
  readonly authenticator: string;
  /** The token issuers and audiences that the authenticator accepts, as texts `<issuer> for <audience>`. */
  readonly accepts: readonly string[];
}

export interface Kept {
  readonly app: string;
  /** The http() options that decide whose HTTP requests the server reads, such as `allowedOrigins`, with their entries. */
  readonly admits: Readonly<Record<string, readonly string[]>>;
  /** The authenticators of the surfaces, by the name of the surface. */
  readonly doors: Readonly<Record<string, KeptDoor>>;
  /** The routes that plugins and users mounted on the HTTP server. No handler's policy protects these routes. */
  readonly outsideThePipeline: readonly string[];
  /** The handlers of the project, sorted by name. */
  readonly handlers: readonly KeptHandler[];
}

/** Returns the description of the booted project. All modules of the handlers must be loaded before this function is called. */
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
    // If another plugin defines the exposure key `approval`, Quater knows no approval rules. The description then contains the
    // value of the exposure key.
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
  // Surfaces without handlers, such as the approvals page, also authenticate callers.
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

/** Returns a value as JSON with sorted keys. A function is replaced by the digest of its source text. */
const plain = (value: unknown): unknown => {
  if (typeof value === "function") return { function: textDigest(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return typeof value === "bigint" ? String(value) : value;
  return sortedTable(Object.entries(value).flatMap(([key, part]) => (part === undefined ? [] : [[key, plain(part)] as const])));
};
