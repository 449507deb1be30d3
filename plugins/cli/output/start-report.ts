// Makes the report that `quater serve` and `quater dev` print once the server listens: the exposed handlers, the URLs, and
// command lines that call the handlers.

import type { Kernel } from "../../../core/boot/kernel.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { Operation } from "../../../core/plugin-api.ts";
import { approvalsRef, httpRef, type Web } from "../../offered.ts";
import { readyLines } from "../actions/ready-lines.ts";
import { type ExposureReport, exposureText, reachable } from "../exposure/exposure.ts";
import { shellWord } from "../program/announce.ts";
import type { Context } from "../program/context.ts";
import { programWords } from "../program/program-words.ts";
import { aligned } from "./render.ts";
import type { Paint } from "./terminal.ts";

export interface StartReport {
  readonly name: string;
  readonly url: string | undefined;
  readonly mcp: string | undefined;
  readonly urls: readonly (readonly [string, string])[];
  readonly curl: string | undefined;
  /** More command lines to paste, for the other routes and for the actions. */
  readonly calls?: readonly string[];
  readonly connect: string | undefined;
  /** The URL of the approvals page, and the key of the demo approver if the project has a demo approver. */
  readonly approvals: { readonly page: string; readonly key: string } | undefined;
  readonly handlers: number;
  readonly exposure: ExposureReport;
}

/** The API keys that exist only in development. */
export interface DevelopmentKeys {
  /** The API key in the command lines to paste. Without `key`, the command lines contain a placeholder. */
  readonly key?: string | undefined;
  readonly approverKey?: string | undefined;
}

/** @param context  The program's context, for the words with which command lines start the program. */
export const startReport = async (
  kernel: Kernel,
  exposure: ExposureReport,
  context: Pick<Context, "env" | "cwd">,
  { key, approverKey }: DevelopmentKeys = {},
): Promise<StartReport> => {
  const { catalog, project, services, plugins } = kernel;
  const http = services.find(httpRef);
  const url = http?.baseUrl;
  // True if http serves the approvals page. If approval() has a separate listener, only the links of approval() contain its URL.
  const isMounted = http?.mounted.includes("/approvals") === true;
  const page = isMounted && url !== undefined ? `${url}/approvals` : services.find(approvalsRef)?.urlOf("")?.replace(/\/$/, "");
  const hasMcp = plugins.some(({ surface }) => surface?.name === "mcp");
  const mcp = url !== undefined && hasMcp ? `${url}/mcp` : undefined;
  return {
    name: project.name,
    url,
    mcp,
    urls:
      url === undefined
        ? []
        : [
            ["HTTP", url],
            ["Docs", `${url}/docs`],
            ["OpenAPI", `${url}/openapi.json`],
            ["Health", `${url}/health, ${url}/ready`],
            ...(mcp === undefined ? [] : [["MCP", mcp] as const]),
            ...(http?.mounted.includes("GET /mcp/docs") === true ? [["Tools", `${url}/mcp/docs`] as const] : []),
          ],
    curl: url === undefined ? undefined : await curlOf(url, http, catalog.operations, key),
    connect: mcp === undefined ? undefined : `${programWords(context)} mcp add claude-code --http ${mcp}`,
    approvals: page === undefined || approverKey === undefined ? undefined : { page, key: approverKey },
    handlers: catalog.operations.length,
    exposure,
  };
};

const routeOf = (operation: Operation): string | undefined => reachable(operation, "http") ?? undefined;

/**
 * Returns a curl command for one route. The reader can paste the command unchanged if Quater can make an input from the input
 * schema. The function prefers a GET route without path parameters, then another GET route, then the first route.
 */
const curlOf = async (
  url: string,
  http: Web | undefined,
  operations: readonly Operation[],
  key: string | undefined,
): Promise<string | undefined> => {
  const routed = operations.filter((operation) => routeOf(operation) !== undefined);
  const gets = routed.filter((operation) => routeOf(operation)?.startsWith("GET ") === true);
  const chosen = gets.find((operation) => routeOf(operation)?.includes("/:") === false) ?? gets[0] ?? routed[0];
  if (chosen === undefined) return undefined;
  const header = `-H "Authorization: Bearer ${key ?? "<key>"}"`;
  const ready = (await readyLines(chosen, { program: "quater", http, url, hasMcp: false, header })).http;
  if (ready !== undefined) return ready;
  const [method = "GET", path = "/"] = (routeOf(chosen) ?? "").replaceAll(/:(\w+)/g, "<$1>").split(" ");
  const sent = method === "GET" || method === "DELETE" ? "" : " --json '{...}'";
  return `curl${method === "GET" ? "" : ` -X ${method}`}${chosen.isPublic ? "" : ` ${header}`}${sent} ${shellWord(`${url}${path}`)}`;
};

const tryIt = (lines: readonly string[]): string =>
  lines.length === 0 ? "" : `\nTry it:\n${lines.map((line) => `  ${visible(line)}\n`).join("")}`;

/** Returns the report about the start as text that is safe to print. */
export const startText = (report: StartReport, paint: Paint): string =>
  [
    `\n${exposureText(report.exposure, paint)}`,
    `\n${paint("bold", visible(report.name))} is ready\n`,
    report.url === undefined
      ? "  No http() is configured, so there is no URL.\n"
      : aligned(report.urls.map(([what, where]) => [what, visible(where)])),
    tryIt([...(report.curl === undefined ? [] : [report.curl]), ...(report.calls ?? [])]),
    report.connect === undefined ? "" : `\nConnect an agent:\n  ${visible(report.connect)}\n`,
    report.approvals === undefined
      ? ""
      : `\nApprove as demo-approver, at ${visible(report.approvals.page)} with the key:\n  ${report.approvals.key}\n`,
    "\n",
  ].join("");
