// Makes the exposure report. The report has a row for each handler in the order of the manifest, and a column for each surface.

import type { Kernel } from "../../../core/boot/kernel.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { ConfiguredPlugin, Operation } from "../../../core/plugin-api.ts";
import { approvalsRef, httpRef } from "../../offered.ts";
import { approvalOf } from "../actions/action-help.ts";
import { aligned, table } from "../output/render.ts";
import type { Paint } from "../output/terminal.ts";

export interface ExposureRow {
  readonly handler: string;
  /** The route, tool or action of the handler by surface; `null` for a surface that does not expose the handler. */
  readonly surfaces: Readonly<Record<string, string | null>>;
  readonly effect: string;
  readonly auth: string;
  readonly isPublic: boolean;
  /** The people who must approve calls of the handler, such as `finance: 1 with role finance`; `null` without approval. */
  readonly approval: string | null;
}

export interface ExposureReport {
  readonly handlers: readonly ExposureRow[];
  /** Handlers that a loaded module exports but the manifest does not list. No surface can call these handlers. */
  readonly declared: readonly { readonly name: string; readonly module: string }[];
  /** The paths that plugins and users mounted on the HTTP server. No handler's policy protects these paths. */
  readonly outsideThePipeline: readonly string[];
}

export const exposureOf = ({ catalog, plugins, services }: Kernel): ExposureReport =>
  exposureOn(
    plugins.filter(takesHandlers).flatMap(({ surface }) => surface?.name ?? []),
    { catalog, services },
  );

/** @param given  The names of the surfaces for which the exposure report has a column. */
export const exposureOn = (
  given: readonly string[],
  { catalog, services }: Pick<Kernel, "catalog" | "services">,
): ExposureReport => {
  const approvals = services.find(approvalsRef);
  const surfaces = [...given].sort(bySurface);
  return {
    handlers: catalog.operations.map((operation) => ({
      handler: operation.name,
      surfaces: Object.fromEntries(surfaces.map((surface) => [surface, reachable(operation, surface)])),
      effect: operation.handler.effect,
      auth: operation.policy.name,
      isPublic: operation.isPublic,
      approval: approvalOf(operation, approvals?.requirementOf(operation)),
    })),
    declared: catalog.declared,
    outsideThePipeline: services.find(httpRef)?.mounted ?? [],
  };
};

/** Whether a surface can expose handlers. A surface that cannot, such as the approvals page, has no column in the report. */
const takesHandlers = ({ surface, exposure = [] }: ConfiguredPlugin): boolean =>
  exposure.some(({ key }) => key === surface?.name);

/**
 * The surfaces whose columns come first in the report, in this order. Other surfaces follow alphabetically. The report does not
 * use the boot order, because the boot order depends on which plugins need other plugins.
 */
const usual = ["http", "mcp", "cli"];
const bySurface = (a: string, b: string): number => rank(a) - rank(b) || (a < b ? -1 : 1);
const rank = (surface: string): number => (usual.includes(surface) ? usual.indexOf(surface) : usual.length);

/** Returns the route of the operation, or `yes`, for one surface; `null` if the surface does not expose the operation. */
export const reachable = (operation: Operation, surface: string): string | null => {
  if (!operation.surfaces.has(surface)) return null;
  const given = operation.exposure[surface];
  const route = typeof given === "object" && given !== null && "route" in given ? given.route : given;
  return typeof route === "string" ? route : "yes";
};

/** Returns the exposure report as text that is safe to print. */
export const exposureText = ({ handlers, declared, outsideThePipeline }: ExposureReport, paint: Paint): string => {
  const surfaces = Object.keys(handlers[0]?.surfaces ?? {});
  const rows = handlers.map((row) =>
    [
      row.handler,
      ...surfaces.map((surface) => row.surfaces[surface] ?? "-"),
      row.effect,
      row.isPublic ? `${row.auth} (public)` : row.auth,
      row.approval ?? "-",
    ].map(visible),
  );
  return [
    rows.length === 0 ? "No handler is exposed.\n" : table(["handler", ...surfaces, "effect", "auth", "approval"], rows, paint),
    declared.length === 0
      ? ""
      : `\n${paint("bold", "Handlers that are not exposed")}\n${aligned(declared.map(({ name, module }) => [visible(name), visible(module)]))}`,
    outsideThePipeline.length === 0
      ? ""
      : `\n${paint("bold", "Routes without the checks of a handler")}\n${outsideThePipeline.map((what) => `  ${visible(what)}\n`).join("")}`,
  ].join("");
};
