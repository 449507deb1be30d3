// Mounts the page of `quater dev` at `/`, unless the app itself answers `GET /`. `quater serve` does not import this file.

import { createHash } from "node:crypto";
import type { Kernel } from "../../../core/boot/kernel.ts";
import { approvalsRef, developmentKeyFile, httpRef } from "../../offered.ts";
import { reachable } from "../exposure/exposure.ts";
import type { Context } from "../program/context.ts";
import { programWords } from "../program/program-words.ts";
import { callables } from "./calls.ts";
import { devPage, type Shown } from "./page.ts";
import { style } from "./style.ts";

const styleDigest = createHash("sha256").update(style).digest("base64");

/** The HTTP headers of the page of `quater dev`. The headers allow the page no script, no form and only its own style sheet. */
const headers: readonly string[] = [
  ...["content-type", "text/html; charset=utf-8"],
  ...[
    "content-security-policy",
    `default-src 'none'; style-src 'sha256-${styleDigest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  ],
  ...["referrer-policy", "no-referrer"],
  ...["cache-control", "no-store"],
  ...["cross-origin-opener-policy", "same-origin"],
  ...["cross-origin-resource-policy", "same-origin"],
];

/**
 * The shell variable with the development key. The page has no authentication, so the page does not contain the development key.
 * The command lines on the page read the key from a file that only the owner of the file can read.
 */
const variable = "QUATER_KEY";

/** Mounts the page of `quater dev`. Call this function before the kernel starts. */
export const mountDevPage = (kernel: Kernel, context: Pick<Context, "env" | "cwd">): void => {
  const http = kernel.services.find(httpRef);
  if (kernel.catalog.operations.some((operation) => reachable(operation, "http") === "GET /")) return;
  http?.mount(devPageEntry, ({ fallback }) =>
    fallback("GET", "/", async () => ({ status: 200, headers, body: devPage(await shownBy(kernel, context)) })),
  );
};

/** The entry for the page of `quater dev` in the table of routes that no handler's policy protects. */
export const devPageEntry = "GET / (the page of quater dev)";

const shownBy = async (kernel: Kernel, context: Pick<Context, "env" | "cwd">): Promise<Shown> => {
  const { project, catalog, services } = kernel;
  const http = services.find(httpRef);
  const mounted = http?.mounted ?? [];
  const isOnHttp = mounted.includes("/approvals");
  const approvals = isOnHttp ? "/approvals" : services.find(approvalsRef)?.urlOf("")?.replace(/\/$/, "");
  return {
    name: project.name,
    url: http?.baseUrl ?? "",
    callables: await callables({ kernel, program: programWords(context), key: `$${variable}` }),
    links: [
      ["API documents", "/docs", "every route, with a form to try it"],
      ["OpenAPI", "/openapi.json", "the same as JSON"],
      ...(mounted.includes("GET /mcp/docs") ? [["Tools", "/mcp/docs", "what agents see over MCP"] as const] : []),
      ...(approvals === undefined ? [] : [["Approvals", approvals, "requests that people decide"] as const]),
      ["Health", "/health", "whether the process runs"],
      ["Ready", "/ready", "whether the server takes calls"],
    ],
    mounted: mounted.filter((path) => path !== devPageEntry),
    declared: catalog.declared.map(({ name }) => name),
    key: { variable, line: `${variable}="$(cat ${developmentKeyFile})"` },
  };
};
