// The http surface: exposed routes through the gate, Koa, health, the OpenAPI document, and the functions with which other
// plugins and users mount their own routes.

import { isIP } from "node:net";
import type { Principal } from "../../core/index.ts";
import { readingOf as readsOf } from "../../core/model/credentials.ts";
import { loopbackHosts, loopbackUrl } from "../../core/model/loopback.ts";
import { isListening } from "../../core/model/run-mode.ts";
import {
  asAuthenticator,
  type BootProblem,
  definePlugin,
  errorText,
  type Operation,
  type Plugin,
  type PluginContext,
  type Running,
} from "../../core/plugin-api.ts";
import { Check } from "../../core/schema/compile.ts";
import { type AccessOptions, accessOf, noteFailure, unreadableIn } from "./access.ts";
import { bodyProblems } from "./body-limits.ts";
import { nameProblems } from "./openapi/names.ts";
import { type HttpOptions, httpOptions } from "./options.ts";
import { bodySchemaOf, type Formatter, formatProblems, formatterOf, type ProblemFormat } from "./problem-format.ts";
import { tooWide } from "./proxies.ts";
import { publicHosts, publicOrigin, publicUrlProblems } from "./public-url.ts";
import { noteRun } from "./ran.ts";
import type { Reading } from "./reading.ts";
import { replyProblems } from "./reply-options.ts";
import type { Route, RouteRule } from "./route.ts";
import { credentialInputs, httpKey, publicKey } from "./route.ts";
import type { Listening } from "./server.ts";
import { type HttpService, httpRef, type Mounting, type PathItems } from "./service.ts";

export type { ProblemDetails, ProblemFormat } from "./problem-format.ts";
export type { Method, Route, RouteDetails } from "./route.ts";
export { type HttpService, httpRef } from "./service.ts";

declare module "quater" {
  interface Exposure {
    /**
     * The route of the handler: `"GET /orders/:orderId"`, or an object with a status and inputs that the route binds to headers.
     */
    readonly http?: Route;
    /** Whether callers can call the handler over http without a credential. The handler also needs `auth: anyone`. */
    readonly public?: boolean;
  }
  interface ExposureRules<Input, Given> {
    readonly http: RouteRule<Input, Given>;
  }
}

/** Exposes handlers as HTTP routes for people and services. */
export const http = definePlugin(httpOptions, ({ allowedHosts, ...others }, given): Plugin => {
  const options = { ...others, allowedHosts: [...allowedHosts, ...publicHosts(others.publicUrl)] };
  return {
    name: "http",
    provides: [httpRef],
    exposure: [httpKey, publicKey],
    surface: { name: "http", exposes: "HTTP routes", authenticate: options.authenticate, opensToPublic: true },
    testRun: () => http({ ...given, host: "127.0.0.1", port: 0 }),
    check: ({ catalog: { operations } }) =>
      optionProblems(options, [
        ...duplicateRoutes(operations),
        ...credentialInputs(options.authenticate, operations),
        ...bodyProblems(operations, options.maxBodyBytes),
        ...formatProblems(options.problem),
        ...openOriginProblems(options, operations),
        ...publicUrlProblems(options),
        ...replyProblems(options),
        ...nameProblems(operations),
      ]),
    setup: (context) => setup(options, context),
  };
});

/** Matches a host name without its port. */
const hostName = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/i;

/** Whether the text is an Origin as browsers send it (RFC 6454 6.2), without the standard port. */
const isOrigin = (text: string): boolean => {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/i.test(text)) return false;
  return !/^https?:/i.test(text) || (URL.canParse(text) && new URL(text).origin === text.toLowerCase());
};

const isNetwork = (text: string): boolean => {
  const [address = "", bits, ...more] = text.split("/");
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return most > 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
};

/**
 * The checks of the entries of options that are lists. A wrong entry would match no HTTP request, and nobody would notice the
 * mistake.
 */
const lists = {
  allowedHosts: {
    isRight: (text: string) => hostName.test(text),
    what: "not a host name",
    remedy: 'Write only the host name without port and path, such as "shop.example"',
  },
  allowedOrigins: {
    isRight: isOrigin,
    what: "not an origin in the form that browsers send",
    remedy: 'Write scheme and host, and any port that is not the default port: "https://admin.example"',
  },
  trustedProxies: {
    isRight: isNetwork,
    what: "not an address or a network",
    remedy: 'Write an IP address, or a network with its prefix length: "10.0.0.0/8"',
  },
} as const satisfies Partial<Record<keyof HttpOptions, unknown>>;

const listProblems = (options: HttpOptions): BootProblem[] =>
  Object.entries(lists).flatMap(([name, { isRight, what, remedy }]) => {
    const at = { place: "http()", plugin: "http", remedy };
    return listOf(options, name as keyof typeof lists)
      .filter((one) => !isRight(one))
      .map((one) => ({ ...at, cause: `The http() option ${name} has ${JSON.stringify(one)}, which is ${what}` }));
  });

const listOf = (options: HttpOptions, name: keyof typeof lists): readonly string[] => {
  const list = options[name];
  return list === "any" ? [] : list;
};

/**
 * Refuses `allowedOrigins: "any"` if the authenticator reads cookies. Browsers send cookies with HTTP requests from pages of any
 * site, so a cookie does not show who wrote the HTTP request.
 */
const openOriginProblems = ({ allowedOrigins, authenticate }: HttpOptions, operations: readonly Operation[]): BootProblem[] => {
  if (allowedOrigins !== "any") return [];
  const { cookies } = authenticate === undefined ? { cookies: [] } : readsOf(asAuthenticator(authenticate).reads);
  const cause = 'The http() option allowedOrigins is "any"';
  const remedy = 'List the origins: allowedOrigins: ["https://app.example"]';
  return [
    ...cookies.map(({ name }) => ({
      place: "http()",
      plugin: "http",
      cause: `${cause}, so pages of any site could send the cookie ${name}, which the authenticator reads`,
      remedy,
    })),
    ...operations.flatMap((operation) => {
      const bound = httpKey.of(operation)?.bound.find(({ from }) => from === "cookie");
      if (bound === undefined) return [];
      return [
        {
          place: operation.place,
          plugin: "http",
          cause: `${cause}, so pages of any site could send the cookie ${bound.source}, which ${operation.name} reads`,
          remedy,
        },
      ];
    }),
  ];
};

const proxyProblems = ({ trustedProxies }: HttpOptions): BootProblem[] =>
  trustedProxies.flatMap((network) => {
    const why = tooWide(network);
    if (why === undefined) return [];
    const cause = `The http() option trustedProxies has ${JSON.stringify(network)}, which ${why}. Every caller in this network could send a forged address`;
    return [{ place: "http()", plugin: "http", cause, remedy: 'List only the networks of your proxies: "10.0.0.0/8"' }];
  });

const isLoopbackHost = (host: string): boolean => loopbackHosts.some((one) => one === host || one === `[${host}]`);

const optionProblems = (options: HttpOptions, routes: BootProblem[]): BootProblem[] => {
  const { host, allowedHosts } = options;
  const lists = listProblems(options);
  const found = [...routes, ...lists, ...(lists.length === 0 ? proxyProblems(options) : [])];
  if (allowedHosts.length > 0 || isLoopbackHost(host)) return found;
  return [
    ...found,
    {
      place: "http()",
      plugin: "http",
      cause: `http() listens on ${host}, but allowedHosts is empty`,
      remedy: 'Add allowedHosts: ["shop.example"]',
    },
  ];
};

const duplicateRoutes = (operations: PluginContext["catalog"]["operations"]): BootProblem[] => {
  const seen = new Map<string, string>();
  return operations.flatMap((operation): BootProblem[] => {
    const route = httpKey.of(operation)?.route;
    if (route === undefined) return [];
    const shape = route.replaceAll(/:[^/]+/g, ":");
    const before = seen.get(shape);
    seen.set(shape, operation.name);
    return before === undefined
      ? []
      : [
          {
            place: operation.place,
            plugin: "http",
            cause: `The handlers ${operation.name} and ${before} have the same route ${route}`,
            remedy: "Change the path of one of the two routes",
          },
        ];
  });
};

const ownFormat = (problem: ProblemFormat, { log }: PluginContext): Formatter => {
  const schema = bodySchemaOf(problem);
  return formatterOf(
    problem,
    (body) => Check(schema, body),
    (error, { callId, code }) =>
      log.error("The function problem.from of http() threw an error, so the caller got the default problem details", {
        callId,
        code,
        error: errorText(error),
      }),
  );
};

const setup = async (options: HttpOptions, context: PluginContext): Promise<Running> => {
  const mountings: { readonly what: string; readonly mount: Mounting }[] = [];
  const described: PathItems[] = [];
  const isServing = isListening(context.mode);
  // Load the code for HTTP requests only when the process serves, so that a command that runs once does not spend time on loading
  // this code.
  const reading = isServing ? (await import("./reading.ts")).readingOf(options, listOf(options, "allowedOrigins")) : undefined;
  const read = (): Reading => {
    if (reading === undefined) throw new Error(`http() does not serve requests in the run mode ${context.mode}`);
    return reading;
  };
  const { maxBodyBytes } = options;
  const access: AccessOptions = {
    log: (options.accessLog ?? context.mode !== "test") ? context.log : undefined,
    isTimed: context.mode === "dev",
    isExplained: context.mode === "dev",
  };
  const publicUrl = publicOrigin(options.publicUrl);
  let listening: Listening | undefined;
  let document: ((principal: Principal | undefined) => object) | undefined;
  const service: HttpService = {
    mount: (what, mount) => void mountings.push({ what, mount }),
    listen: async (what, place, allowedHosts, mounting) => {
      const { listenApart } = await import("./apart.ts");
      const hosts = [...options.allowedHosts, ...allowedHosts];
      return listenApart({
        what,
        place,
        mounting,
        context,
        access,
        publicUrl,
        options: { ...options, allowedHosts: hosts, allowedOrigins: [] },
      });
    },
    describe: (paths) => void described.push(paths),
    prepare: (headers) => read().prepare(headers),
    statusOf: (error) => read().statusOf(error),
    sentenceOf: (error) => read().sentenceOf(error),
    forgettingOf: (error) => read().forgettingOf(error),
    get mounted() {
      return mountings.map(({ what }) => what);
    },
    admits: {
      allowedHosts: options.allowedHosts,
      allowedOrigins: options.allowedOrigins === "any" ? ["any"] : options.allowedOrigins,
      trustedProxies: options.trustedProxies,
    },
    publicUrl,
    bound: { host: options.host, allowedHosts: options.allowedHosts, isLoopback: isLoopbackHost(options.host) },
    get baseUrl() {
      return listening?.baseUrl;
    },
    expectedUrl: loopbackUrl(options),
    requestOf: async (operation, input) => (await import("./probe.ts")).exampleRequest(operation, options.prefix, input),
    credentials: ({ req }, surface) => new (read().RequestCredentials)(req, surface, read().guard, options.cookieKeys),
    networkOf: ({ req }, isFromProxy) => read().networkOf(read().guard.peerOf(req, isFromProxy) ?? ""),
    readBody: ({ req, res }) => read().readBytes(req, res, maxBodyBytes),
    cancellation: ({ res }) => new (read().ResponseCancellation)(res),
    noteCaller: ({ res }, principal) => {
      const access = accessOf(res);
      if (access !== undefined) access.principal = principal;
    },
    noteRun: (exchanged, operation, outcome) => {
      const access = accessOf(exchanged.res);
      if (access !== undefined) access.handler = operation.name;
      if (!outcome.ok) noteFailure(exchanged.req, outcome.error);
      noteRun(exchanged, operation, outcome);
    },
    room: ({ res }, use) => (use === "answer" ? read().roomOf(res) : read().newRoom(res)),
    openApi: async (principal) => {
      const { openApiDocument } = await import("./openapi/document.ts");
      document ??= openApiDocument({ ...context, ...options, described });
      return document(principal);
    },
  };
  context.services.provide(httpRef, service);
  if (!isServing) return {};
  const { httpProbe } = await import("./probe.ts");
  return {
    probe: httpProbe(context.catalog, service, options.prefix),
    start: async () => {
      const [{ serverListener }, { listen }] = await Promise.all([import("./app.ts"), import("./server.ts")]);
      const listener = serverListener({
        ...options,
        reading: options.authenticate && readsOf(asAuthenticator(options.authenticate).reads),
        context,
        guard: read().guard,
        service,
        maxBodyBytes,
        mount: (koa) => {
          for (const { mount } of mountings) mount(koa);
        },
        isOpen: context.mode === "dev",
        access,
        format: options.problem && ownFormat(options.problem, context),
      });
      listening = await listen(listener, {
        ...options,
        isExempt: read().guard.isTrusted,
        unreadable: unreadableIn(access),
        warn: (message, fields) => context.log.warn(message, fields),
      });
    },
    stop: async () => {
      await listening?.stop(1_000);
      listening = undefined;
    },
  };
};
